// Help at the cursor from the server, which knows the workspace's tools and models and the whole
// language. Places count code points there and UTF-16 units here.
import { once } from "../lib/socket.js";
import { online } from "../lib/emit.js";
import query from "../../../../graphql-schema/operations/bal_assist.graphql";

const PATIENCE = 900;

const points = (text, end) => [...text.slice(0, end)].length;

/** From places of the server to places in this text, without walking the text for each. */
export function units(text) {
  const wide = /[\ud800-\udbff][\udc00-\udfff]/.test(text);
  if (!wide) return (place) => place;
  const starts = [];
  let at = 0;
  for (const mark of text) { starts.push(at); at += mark.length; }
  starts.push(at);
  return (place) => starts[Math.min(place, starts.length - 1)];
}

/** What the server says about this place; null when it cannot be asked or takes too long. */
export async function help(text, pos, wanted) {
  if (!online()) return null;
  const variables = { source: text, offset: points(text, pos), complete: false, explain: false, define: false, sign: false };
  let timer;
  const late = new Promise((done) => { timer = setTimeout(() => done(null), PATIENCE); });
  const answer = once(query, { ...variables, [wanted]: true }).catch(() => null);
  const found = (await Promise.race([answer, late]))?.balAssist;
  clearTimeout(timer);
  return found ? { ...found, place: units(text) } : null;
}
