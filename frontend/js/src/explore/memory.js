// What was typed and sent, for this tab alone: variables may hold what should not outlive it.
const DRAFT = "baleybots.explorer.draft";
const PAST = "baleybots.explorer.past";
const MOST_KEPT = 30;

function read(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch (error) {
    console.warn("The browser keeps nothing more of this tab:", error);
  }
}

export const kept = () => read(DRAFT);
export const keep = (item) => write(DRAFT, item);
export const past = () => read(PAST) || [];

export function remember(item) {
  const others = past().filter((old) => old.query !== item.query || old.variables !== item.variables);
  write(PAST, [{ ...item, at: Date.now() }, ...others].slice(0, MOST_KEPT));
}
