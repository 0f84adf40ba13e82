// What differs between two executions, step by step and line by line.
import { countPlace, wholePlaceOf } from "./places.js";

export const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
const textOf = (value) => (value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));
const MOST_LINES = 400;

/** Lines of both texts in the shape of a comparison of programs: SAME, REMOVED, ADDED. */
export function linesOf(before, after) {
  const a = textOf(before).split("\n").slice(0, MOST_LINES);
  const b = textOf(after).split("\n").slice(0, MOST_LINES);
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
  }
  const out = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { out.push({ kind: "SAME", text: a[i], old: i + 1, new: j + 1 }); i += 1; j += 1; }
    else if (i < a.length && (j >= b.length || length[i + 1][j] >= length[i][j + 1])) { out.push({ kind: "REMOVED", text: a[i], old: i + 1 }); i += 1; }
    else { out.push({ kind: "ADDED", text: b[j], new: j + 1 }); j += 1; }
  }
  return out;
}

/** What became of one step: a word, or null when nothing changed. */
function verdict(old, now) {
  if (!old) return "added";
  if (!now) return "gone";
  if (now.reused) return same(old.output, now.output) ? "reused" : "edited";
  if (old.status !== now.status) return "status";
  return same(old.output, now.output) ? "same" : "output";
}

const skipped = (step) => !step || (step.status === "SKIPPED" && !step.startedAt);

/** The steps of both, by key, in the order of the newer one; what only the older one has stands at the end. */
export function pairs(older, newer) {
  const before = new Map(older.steps.map((step) => [step.key, step]));
  const now = [...newer.steps].sort((a, b) => a.position - b.position);
  const known = new Set(now.map((step) => step.key));
  const both = { steps: new Map([...before, ...now.map((step) => [step.key, step])]), highest: new Map() };
  for (const step of both.steps.values()) countPlace(both.highest, step);
  const all = [...now.map((step) => [before.get(step.key), step]), ...older.steps.filter((step) => !known.has(step.key)).map((step) => [step, null])];
  return all.filter(([a, b]) => !(skipped(a) && skipped(b))).map(([old, step]) => ({ key: (step || old).key, name: (step || old).name, place: wholePlaceOf(both, step || old), type: (step || old).type, old, now: step, verdict: verdict(old, step) }));
}
