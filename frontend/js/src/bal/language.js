import { StreamLanguage, LanguageSupport, HighlightStyle, syntaxHighlighting, foldService, indentService }
  from "@codemirror/language";
import { tags as t } from "@lezer/highlight";

export const RESERVED = ["chain", "parallel", "if", "else", "loop", "map", "select", "merge", "with", "run", "try",
  "catch", "finally", "when", "use", "on_error", "until", "max", "retries", "delay", "concurrency", "errors"];
const CONTEXTUAL = ["route", "gate", "filter", "processor"];
const BLOCKS = ["analytics", "defaults"];
const ATOMS = ["true", "false", "null"];

const startState = () => ({ quote: "", depth: 0 });

function readString(stream, state) {
  // A text may span lines: the quote that opened it is kept until its partner comes.
  while (!stream.eol()) {
    const ch = stream.next();
    if (ch === "\\") stream.next();
    else if (ch === state.quote) { state.quote = ""; break; }
  }
  return "string";
}

function word(stream, text) {
  const next = stream.string.slice(stream.pos).trimStart()[0];
  if (ATOMS.includes(text)) return "atom";
  if (next === ":") return "propertyName";
  if (RESERVED.includes(text)) return "keyword";
  if (CONTEXTUAL.includes(text) && next === "(") return "keyword";
  if (BLOCKS.includes(text) && next === "{") return "keyword";
  return next === "{" ? "definition" : "variableName";
}

function token(stream, state) {
  if (state.quote) return readString(stream, state);
  if (stream.eatSpace()) return null;
  const ch = stream.peek();
  if (ch === "#" || stream.match("//", false)) { stream.skipToEnd(); return "comment"; }
  if (ch === '"' || ch === "'") {
    // A quoted key reads as a key, not as a text.
    if (stream.match(/^(["'])[A-Za-z_]\w*\1(?=\s*:)/)) return "propertyName";
    stream.next();
    state.quote = ch;
    return readString(stream, state);
  }
  if (stream.match(/^-?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?/)) return "number";
  if (stream.match(/^\$[A-Za-z_]\w*/)) return "special";
  if (stream.match("=>")) return "operator";
  const name = stream.match(/^[A-Za-z_]\w*/);
  if (name) return word(stream, name[0]);
  stream.next();
  return "{}[]()".includes(ch) ? "bracket" : "punctuation";
}

const stream = StreamLanguage.define({
  name: "bal",
  startState,
  token,
  tokenTable: { definition: t.definition(t.variableName), special: t.special(t.variableName) },
  languageData: {
    commentTokens: { line: "#" },
    closeBrackets: { brackets: ["(", "[", "{", "'", '"'] },
    indentOnInput: /^\s*[}\])]$/,
  },
});

const indentBraces = indentService.of((context, pos) => {
  const line = context.lineAt(pos, -1);
  const open = (line.text.replace(/"[^"]*"/g, "").match(/[{[(]/g) || []).length;
  const close = (line.text.replace(/"[^"]*"/g, "").match(/[}\])]/g) || []).length;
  const base = /^\s*/.exec(line.text)[0].length;
  const next = context.textAfterPos(pos);
  return Math.max(0, base + (open > close ? 2 : 0) - (/^\s*[}\])]/.test(next) ? 2 : 0));
});

/** Folds from a line that ends in an opening brace to the line of its partner. */
const foldBraces = foldService.of((state, start, end) => {
  const line = state.doc.lineAt(start);
  if (!/[{[(]\s*(#.*)?$/.test(line.text)) return null;
  let depth = 1;
  for (let n = line.number + 1; n <= state.doc.lines; n += 1) {
    const text = state.doc.line(n).text.replace(/"(\\.|[^"\\])*"/g, "").replace(/(#|\/\/).*/, "");
    for (const ch of text) {
      if ("{[(".includes(ch)) depth += 1;
      if ("}])".includes(ch)) depth -= 1;
      if (!depth) return { from: end, to: state.doc.line(n - 1).to };
    }
  }
  return null;
});

const colours = HighlightStyle.define([
  { tag: t.keyword, color: "var(--code-keyword)", fontWeight: "600" },
  { tag: t.definition(t.variableName), color: "var(--code-entity)", fontWeight: "600" },
  { tag: t.variableName, color: "var(--code-name)" },
  { tag: t.special(t.variableName), color: "var(--code-var)" },
  { tag: t.propertyName, color: "var(--code-key)" },
  { tag: t.string, color: "var(--code-string)" },
  { tag: t.number, color: "var(--code-number)" },
  { tag: t.atom, color: "var(--code-number)" },
  { tag: t.comment, color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [t.operator, t.punctuation, t.bracket], color: "var(--code-punct)" },
]);

export const bal = () => new LanguageSupport(stream, [indentBraces, foldBraces, syntaxHighlighting(colours)]);
