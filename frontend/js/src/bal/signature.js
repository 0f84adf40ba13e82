// What the tool or function at the cursor takes: after its opening bracket, or with Ctrl Shift Space.
import { StateEffect, StateField } from "@codemirror/state";
import { EditorView, keymap, showTooltip } from "@codemirror/view";
import { help } from "./server.js";

const show = StateEffect.define();

function box(found) {
  const dom = document.createElement("div");
  dom.className = "cm-explain cm-signature";
  const line = dom.appendChild(document.createElement("p"));
  line.append(`${found.name}(`);
  found.parameters.forEach((one, i) => {
    const part = document.createElement(i === found.active ? "strong" : "span");
    part.textContent = `${one.name}${one.required ? "" : "?"}${one.type ? `: ${one.type}` : ""}`;
    line.append(i ? ", " : "", part);
  });
  line.append(")");
  const doc = found.parameters[found.active]?.doc || found.doc;
  if (doc) dom.appendChild(document.createElement("p")).textContent = doc;
  return dom;
}

const shown = StateField.define({
  create: () => null,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(show)) return effect.value;
    return value && transaction.docChanged ? { ...value, pos: transaction.changes.mapPos(value.pos) } : value;
  },
  provide: (field) => showTooltip.from(field),
});

let turn = 0;

async function look(view) {
  turn += 1;
  const mine = turn;
  const pos = view.state.selection.main.head;
  const found = (await help(view.state.doc.toString(), pos, "sign"))?.signature;
  if (mine !== turn) return;
  const value = found?.parameters?.length ? { pos: Math.min(pos, view.state.doc.length), above: true, create: () => ({ dom: box(found) }) } : null;
  if (value || view.state.field(shown)) view.dispatch({ effects: show.of(value) });
}

const follow = EditorView.updateListener.of((update) => {
  const open = update.state.field(shown);
  let opened = false;
  if (update.docChanged) {
    update.changes.iterChanges((_a, _b, _c, _d, text) => { opened ||= /[({,]/.test(text.toString()) && text.length < 40; });
  }
  if (opened || (open && (update.docChanged || update.selectionSet))) look(update.view);
});

function close(view) {
  if (!view.state.field(shown)) return false;
  turn += 1;
  view.dispatch({ effects: show.of(null) });
  return true;
}

export const signature = [
  shown, follow,
  EditorView.domEventHandlers({ blur: (_event, view) => { setTimeout(() => close(view), 150); return false; } }),
  keymap.of([
    { key: "Mod-Shift-Space", preventDefault: true, run: (view) => { look(view); return true; } },
    { key: "Escape", run: close },
  ]),
];
