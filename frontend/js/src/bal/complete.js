// Completion: what the server offers at this place, with our own forms; without it, our own words.
import { entities } from "./entities.js";
import { KEYWORDS, PROPERTIES, SNIPPETS, TYPES } from "./words.js";
import { help } from "./server.js";

const TYPE_OF = {
  entity: "variable", keyword: "keyword", property: "property", setting: "property", parameter: "property",
  tool: "function", function: "function", type: "type", variable: "variable", field: "property",
};
const FREE_TEXT = /["']?(goal|description)["']?\s*:\s*(["'])(?:(?!\2)[^\\\n]|\\.)*$/;

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

function ownWords(context, before, line) {
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

const option = (item, after) => ({
  label: item.label,
  type: TYPE_OF[item.kind] ?? "text",
  detail: item.detail || undefined,
  info: item.doc || undefined,
  // A key inside quotes lacks what stands after it, unless it is there already.
  apply: item.kind === "property" && after === '"' && item.insert === item.label ? insertKey(item.label) : item.insert,
  boost: item.kind === "entity" ? 3 : item.label === "goal" ? 2 : 0,
});

const insertKey = (label) => (view, _, from, to) => {
  const rest = view.state.sliceDoc(to, to + 40);
  const text = /^"\s*:/.test(rest) ? label : `${label}": `;
  const end = text === label || rest[0] !== '"' ? to : to + 1;
  view.dispatch({ changes: { from, to: end, insert: text }, selection: { anchor: from + text.length } });
};

function merged(found, own, context) {
  const options = found.completions.map((item) => option(item, context.state.sliceDoc(context.pos, context.pos + 1)));
  const from = found.place(found.completions[0].from);
  const known = new Set(options.map((one) => one.label));
  const steps = found.completions.some((item) => item.kind === "keyword");
  const forms = steps && own?.from === from ? SNIPPETS.filter((one) => !known.has(one.label)) : [];
  return { from, options: [...options, ...forms], validFor: /^\w*$/ };
}

export async function complete(context) {
  const before = context.state.sliceDoc(0, context.pos);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  if (FREE_TEXT.test(line)) return null;
  if (!context.explicit && !/[\w$"'.]$/.test(line)) return null;
  const own = ownWords(context, before, line);
  const found = await help(context.state.doc.toString(), context.pos, "complete");
  if (context.aborted) return null;
  return found?.completions.length ? merged(found, own, context) : own;
}
