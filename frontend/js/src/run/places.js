// Which one of several equals a step is: the item of a map, the round of a loop, the branch. Pure.

const ITEMS = ["map", "filter"];
const AGAIN = { loop: "round", try: "attempt" };

/** What the key of a step adds to that of the block around it: `[11]/c`, or `/left/c`. */
const tailOf = (step) => (step.parentKey && step.key.startsWith(step.parentKey) ? step.key.slice(step.parentKey.length) : "");

function numberOf(step) {
  const tail = tailOf(step);
  return tail[0] === "[" ? parseInt(tail.slice(1), 10) : null;
}

/** Keeps the highest number of each block: it is asked for with each of thousands of rows. */
export function countPlace(highest, step) {
  const number = numberOf(step);
  if (number !== null && !(highest.get(step.parentKey) >= number)) highest.set(step.parentKey, number);
}

function itemOf(number, highest, block) {
  const known = Math.max(highest + 1, Array.isArray(block.output) ? block.output.length : 0);
  if (known < 2) return "";
  return block.status === "COMPLETED" ? `${number + 1} of ${known}` : `item ${number + 1}`;
}

/** A label as it was written: in a key its marks are written otherwise, and a long one is cut. */
const written = (label) => label.replace(/#[0-9a-f]{8}$/, "…").replace(/%([0-9a-f]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));

/** The name that the program gave to its branch; those without one are only counted. */
function branchOf(step) {
  const name = written(tailOf(step).split("/")[1] || "");
  return name === step.name || /^branch_\d+$/.test(name) ? "" : name;
}

/** Which one it is inside the block around it; empty where there is no other. */
export function placeOf(run, step) {
  const block = run.steps.get(step.parentKey);
  if (block?.type === "parallel") return branchOf(step);
  const number = block ? numberOf(step) : null;
  if (number === null) return "";
  const highest = run.highest.get(block.key) ?? number;
  if (ITEMS.includes(block.type)) return itemOf(number, highest, block);
  return AGAIN[block.type] && highest > 1 ? `${AGAIN[block.type]} ${number}` : "";
}

/** The same where the blocks around it are not to be seen: all of them, the outermost first. */
export function wholePlaceOf(run, step) {
  const places = [];
  for (let one = step; one; one = run.steps.get(one.parentKey)) places.unshift(placeOf(run, one));
  return places.filter(Boolean).join(", ");
}

export function labelOf(run, step) {
  const place = wholePlaceOf(run, step);
  return place ? `${step.name} · ${place}` : step.name;
}
