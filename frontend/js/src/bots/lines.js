// Lines of a comparison as rows to look at.
const CONTEXT = 3;
const SHORTEST_FOLD = 4;

/** Runs of removed and added lines beside each other, as two sides. */
export function sides(lines) {
  const rows = [];
  let removed = [];
  let added = [];
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); i += 1) rows.push({ changed: true, old: removed[i], new: added[i] });
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.kind === "REMOVED") removed.push({ number: line.old, text: line.text });
    else if (line.kind === "ADDED") added.push({ number: line.new, text: line.text });
    else {
      flush();
      rows.push({ changed: false, old: { number: line.old, text: line.text }, new: { number: line.new, text: line.text } });
    }
  }
  flush();
  return rows;
}

function common(one, other, fromEnd, limit) {
  let n = 0;
  while (n < limit && (fromEnd ? one[one.length - 1 - n] === other[other.length - 1 - n] : one[n] === other[n])) n += 1;
  return n;
}

const inWord = (letter) => letter !== undefined && /[\p{L}\p{N}_]/u.test(letter);

/** A mark covers whole words: the odd letter that two words share says nothing. */
function wordStart(letters, at) {
  let start = at;
  while (start > 0 && inWord(letters[start - 1]) && (inWord(letters[at]) || at === letters.length)) start -= 1;
  return start;
}
function wordEnd(letters, fromEnd) {
  let end = fromEnd;
  while (end > 0 && inWord(letters[letters.length - end]) && inWord(letters[letters.length - end - 1])) end -= 1;
  return end;
}

const parts = (text, start, end) => [
  { text: text.slice(0, start) }, { text: text.slice(start, text.length - end), marked: true }, { text: text.slice(text.length - end) },
].filter((p) => p.text);

/** Within two lines that stand beside each other, the part that differs is marked. */
export function paired(rows) {
  return rows.map((row) => {
    if (!row.changed) return row;
    const [a, b] = [row.old && [...row.old.text], row.new && [...row.new.text]];
    if (!a || !b) {
      const alone = (side) => side && { ...side, parts: [{ text: side.text }] };
      return { ...row, old: alone(row.old), new: alone(row.new) };
    }
    const limit = Math.min(a.length, b.length);
    const start = wordStart(a, common(a, b, false, limit));
    const end = wordEnd(a, common(a, b, true, limit - start));
    // Two lines that share little are simply two lines.
    const alike = (start + end) * 3 >= Math.max(a.length, b.length);
    const [from, to] = alike ? [units(a, 0, start), units(a, a.length - end, a.length)] : [0, 0];
    const mark = (side) => (alike ? parts(side.text, from, to) : [{ text: side.text }]);
    return { ...row, old: { ...row.old, parts: mark(row.old) }, new: { ...row.new, parts: mark(row.new) } };
  });
}

const units = (letters, from, to) => letters.slice(from, to).join("").length;

/** Long stretches that are the same are folded, but for a little around each change. */
export function folded(rows, open) {
  const near = new Array(rows.length).fill(false);
  rows.forEach((row, i) => {
    if (row.changed) for (let n = Math.max(0, i - CONTEXT); n <= Math.min(rows.length - 1, i + CONTEXT); n += 1) near[n] = true;
  });
  const out = [];
  for (let i = 0; i < rows.length;) {
    let end = i;
    while (end < rows.length && !near[end]) end += 1;
    const id = `${i}`;
    if (end - i >= SHORTEST_FOLD && !open.has(id)) out.push({ fold: id, count: end - i });
    else out.push(...rows.slice(i, end));
    i = end;
    while (i < rows.length && near[i]) { out.push(rows[i]); i += 1; }
  }
  return out;
}
