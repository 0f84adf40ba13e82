import { KEYWORDS, PROPERTIES } from "./words.js";

const ENTITY = /(^|[\s}])([A-Za-z_]\w*)\s*\{/g;
const NOT_ENTITY = new Set([...Object.keys(KEYWORDS), ...Object.keys(PROPERTIES), "input", "output"]);

/** Name and goal of what the text defines, found even while it does not parse. */
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
