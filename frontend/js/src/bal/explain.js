// What the word under the pointer means: from the server, else from our own list.
import { hoverTooltip } from "@codemirror/view";
import { entities } from "./entities.js";
import { KEYWORDS, PROPERTIES } from "./words.js";
import { help } from "./server.js";

const MARKS = /(\*\*[^*]+\*\*|`[^`]+`)/;

function piece(text) {
  const kind = text.startsWith("**") ? "strong" : text.startsWith("`") ? "code" : null;
  if (!kind) return document.createTextNode(text);
  const node = document.createElement(kind);
  node.textContent = kind === "strong" ? text.slice(2, -2) : text.slice(1, -1);
  return node;
}

/** Only bold and code are read; everything stays text, whoever wrote it. */
function box(markdown) {
  const dom = document.createElement("div");
  dom.className = "cm-explain";
  for (const paragraph of markdown.split(/\n{2,}/)) {
    dom.appendChild(document.createElement("p")).append(...paragraph.split(MARKS).filter(Boolean).map(piece));
  }
  return dom;
}

const tip = (pos, end, markdown) => ({ pos, end, above: true, create: () => ({ dom: box(markdown) }) });

function ownWords(view, pos) {
  const { from, text } = view.state.doc.lineAt(pos);
  const at = pos - from;
  const start = /[\w]*$/.exec(text.slice(0, at))[0].length;
  const end = /^[\w]*/.exec(text.slice(at))[0].length;
  const word = text.slice(at - start, at + end);
  if (!word) return null;
  const goal = entities(view.state.doc.toString()).get(word);
  const isKey = /^["']?\s*:/.test(text.slice(at + end));
  const info = (isKey && PROPERTIES[word]) || goal || KEYWORDS[word];
  return info ? tip(from + at - start, from + at + end, `**${word}**\n\n${info}`) : null;
}

export const explain = hoverTooltip(async (view, pos) => {
  const found = await help(view.state.doc.toString(), pos, "explain");
  if (!found) return ownWords(view, pos);
  if (!found.hover) return null;
  return tip(found.place(found.hover.from), found.place(found.hover.to), found.hover.text);
}, { hoverTime: 350, hideOnChange: true });
