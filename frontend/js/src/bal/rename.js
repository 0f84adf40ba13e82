// F2: another name for the entity at the cursor, wherever it stands. One undo takes it back.
import { keymap } from "@codemirror/view";
import { once } from "../lib/socket.js";
import query from "../../../../graphql-schema/operations/edit_bal.graphql";
import { entities } from "./entities.js";
import { help, units } from "./server.js";

function wordAt(text, pos) {
  return /\w*$/.exec(text.slice(0, pos))[0] + /^\w*/.exec(text.slice(pos))[0];
}

async function entityAt(text, pos) {
  const names = entities(text);
  const found = await help(text, pos, "define");
  const span = found?.definition;
  const named = span ? text.slice(found.place(span.from), found.place(span.to)) : wordAt(text, pos);
  return names.has(named) ? named : names.has(wordAt(text, pos)) ? wordAt(text, pos) : null;
}

function element(tag, attributes, ...children) {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

/** Asks for the new name; `attempt` gives the sentence that stands against it, or nothing. */
function ask(name, attempt) {
  const field = element("input", { className: "input", value: name, id: "rename-name", spellcheck: false, autocomplete: "off" });
  const problem = element("p", { className: "field-error", hidden: true, role: "alert" });
  const cancel = element("button", { type: "button", className: "button", textContent: "Leave it" });
  const box = element("dialog", { className: "dialog", ariaLabel: `Rename ${name}` },
    element("header", {}, element("h2", { textContent: `Rename ${name}` })),
    element("form", { method: "dialog", className: "dialog-form" },
      element("div", { className: "dialog-body" }, element("div", { className: "field" },
        element("label", { htmlFor: "rename-name", textContent: "New name, everywhere it is used" }), field, problem)),
      element("footer", {}, cancel, element("button", { type: "submit", className: "button primary", textContent: "Rename" }))));
  cancel.addEventListener("click", () => box.close());
  box.addEventListener("close", () => box.remove());
  box.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const against = field.value.trim() === name ? null : await attempt(field.value.trim());
    if (!against) return box.close();
    problem.textContent = against;
    problem.hidden = false;
    return field.focus();
  });
  document.body.append(box);
  box.showModal();
  field.select();
}

async function rename(view) {
  const before = view.state.doc.toString();
  const name = await entityAt(before, view.state.selection.main.head);
  if (!name || view.state.readOnly) return;
  ask(name, async (wanted) => {
    const source = view.state.doc.toString();
    let made;
    try {
      made = (await once(query, { source, edit: { edit: "rename_entity", entity: name, name: wanted } })).editBal;
    } catch (error) {
      return error.message;
    }
    if (made.errors.length) return made.errors[0].message;
    if (view.state.doc.toString() !== source) return "The text was changed in the meantime. Try again.";
    const place = units(source);
    view.dispatch({
      changes: made.replacements.map((r) => ({ from: place(r.from), to: place(r.to), insert: r.text })), userEvent: "input.rename",
    });
    view.focus();
    return null;
  });
}

export const renaming = keymap.of([{ key: "F2", preventDefault: true, run: (view) => { rename(view); return true; } }]);
