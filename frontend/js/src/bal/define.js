// F12, or a click with Ctrl held: to the place where an entity or a variable is defined.
import { EditorView, keymap } from "@codemirror/view";
import { help } from "./server.js";

function ownSearch(text, pos) {
  const word = /\w*$/.exec(text.slice(0, pos))[0] + /^\w*/.exec(text.slice(pos))[0];
  if (!word) return null;
  const found = new RegExp(`^([ \\t]*)${word}\\s*\\{`, "m").exec(text);
  return found ? [found.index + found[1].length, found.index + found[1].length + word.length] : null;
}

async function go(view, pos) {
  const text = view.state.doc.toString();
  const found = await help(text, pos, "define");
  if (view.state.doc.toString() !== text) return;
  const span = found?.definition;
  const place = found ? span && [found.place(span.from), found.place(span.to)] : ownSearch(text, pos);
  if (!place) return;
  view.dispatch({
    selection: { anchor: place[0], head: place[1] },
    effects: EditorView.scrollIntoView(place[0], { y: "center" }),
    userEvent: "select.definition",
  });
  view.focus();
}

const click = EditorView.domEventHandlers({
  mousedown(event, view) {
    if (!(event.ctrlKey || event.metaKey) || event.button !== 0) return false;
    const pos = view.posAtCoords({ x: event.clientX, y: event.clientY });
    if (pos === null) return false;
    event.preventDefault();
    go(view, pos);
    return true;
  },
});

export const define = [
  click,
  keymap.of([{ key: "F12", preventDefault: true, run: (view) => { go(view, view.state.selection.main.head); return true; } }]),
];
