const MARKED = /`([^`]+)`|\((\/[a-z][^\s()]*)\)/g;

/** A sentence of the server: what stands in backticks is shown as code, a place in brackets is a link
 * (`plain`: is left out, where the whole is a link already). */
export function Words({ text, plain }) {
  const said = String(text ?? "");
  const parts = [];
  let done = 0;
  for (const found of said.matchAll(MARKED)) {
    parts.push(said.slice(done, found.index));
    done = found.index + found[0].length;
    if (found[1] === undefined && plain) continue;
    parts.push(found[1] === undefined ? <a key={done} href={found[2]}>open</a> : <code key={done}>{found[1]}</code>);
  }
  return <>{parts}{said.slice(done)}</>;
}
