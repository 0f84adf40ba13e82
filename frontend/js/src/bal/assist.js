import { autocompletion } from "@codemirror/autocomplete";
import { hoverTooltip } from "@codemirror/view";
import { KEYWORDS, PROPERTIES, SNIPPETS, TYPES } from "./words.js";

const ENTITY = /(^|[\s}])([A-Za-z_]\w*)\s*\{/g;
const NOT_ENTITY = new Set([...Object.keys(KEYWORDS), ...Object.keys(PROPERTIES), "input", "output"]);

export function entities(text) {
  const found = new Map();
  for (const match of text.matchAll(ENTITY)) {
    const name = match[2];
    if (NOT_ENTITY.has(name) || found.has(name)) continue;
    const goal = /["']?goal["']?\s*:\s*"((\\.|[^"\\])*)"/.exec(text.slice(match.index, match.index + 1200));
    found.set(name, goal ? goal[1] : "");
  }
  return found;
}

/** Which block the cursor is in: the word before the innermost open brace. */
function around(text) {
  let depth = 0;
  for (let i = text.length - 1; i >= 0; i -= 1) {
    if (text[i] === "}") depth += 1;
    if (text[i] === "{") {
      if (!depth) return /["']?(\w+)["']?\s*(\([^)]*\))?\s*:?\s*$/.exec(text.slice(0, i))?.[1] ?? "";
      depth -= 1;
    }
  }
  return null;
}

const inString = (line) => (line.replace(/\\./g, "").match(/"/g) || []).length % 2 === 1;

function complete(context) {
  const before = context.state.sliceDoc(0, context.pos);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const names = entities(context.state.doc.toString());
  const block = around(before);
  const type = /["']?(output|input)["']?\s*:\s*\{[^}]*:\s*"?[\w<>(]*$/.test(before);
  const word = context.matchBefore(/["']?[\w$]*/);
  if (type && (block === "output" || block === "input")) {
    const at = context.matchBefore(/[\w?<>]*/);
    return { from: at.from, options: TYPES.map((label) => ({ label, type: "type" })) };
  }
  if (inString(line) && !/^\s*"\w*$/.test(line)) return null;
  if (!context.explicit && word.from === word.to) return null;
  if (names.has(block)) {
    const quoted = word.text.startsWith('"');
    return {
      from: word.from,
      options: Object.entries(PROPERTIES).map(([label, info]) => ({
        label: quoted ? `"${label}"` : label, info, type: "property", apply: `"${label}": `,
        boost: label === "goal" ? 2 : 0,
      })),
    };
  }
  return {
    from: word.from,
    options: [
      ...[...names].map(([label, info]) => ({ label, info, type: "variable", boost: 3 })),
      ...Object.entries(KEYWORDS).map(([label, info]) => ({ label, info, type: "keyword" })),
      ...SNIPPETS,
    ],
  };
}

const explain = hoverTooltip((view, pos) => {
  const { from, to, text } = view.state.doc.lineAt(pos);
  const at = pos - from;
  const start = /[\w]*$/.exec(text.slice(0, at))[0].length;
  const end = /^[\w]*/.exec(text.slice(at))[0].length;
  const word = text.slice(at - start, at + end);
  if (!word) return null;
  const after = text.slice(at + end);
  const goal = entities(view.state.doc.toString()).get(word);
  const isKey = /^["']?\s*:/.test(after);
  const info = (isKey && PROPERTIES[word]) || goal || KEYWORDS[word];
  if (!info || to < from) return null;
  return {
    pos: from + at - start,
    end: from + at + end,
    above: true,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "cm-explain";
      const title = dom.appendChild(document.createElement("strong"));
      title.textContent = word;
      dom.appendChild(document.createElement("p")).textContent = info;
      return { dom };
    },
  };
}, { hoverTime: 350 });

export const assist = [autocompletion({ override: [complete], icons: false, maxRenderedOptions: 40 }), explain];
