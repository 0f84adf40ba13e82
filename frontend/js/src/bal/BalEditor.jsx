import { useEffect, useImperativeHandle, useRef } from "react";
import { EditorState, Transaction } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers }
  from "@codemirror/view";
import { defaultKeymap, history, historyKeymap, indentWithTab, redo, redoDepth, undo, undoDepth } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from "@codemirror/language";
import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { bal } from "./language.js";
import { assist } from "./assist.js";
import { caretInView } from "./caret.js";

/** The part of the text that differs, so that the cursor and the undo history stay where they are. */
function smallestChange(before, after) {
  let from = 0;
  const limit = Math.min(before.length, after.length);
  while (from < limit && before[from] === after[from]) from += 1;
  let end = 0;
  while (end < limit - from && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}

/** Columns count code points; the editor counts UTF-16 units. */
function offset(doc, line, column) {
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
  const units = [...at.text].slice(0, Math.max(0, column - 1)).join("").length;
  return Math.min(at.from + units, at.to);
}

function mark(doc, d) {
  const from = offset(doc, d.line, d.column);
  const to = offset(doc, d.endLine || d.line, d.endColumn || d.column + 1);
  return {
    from,
    to: Math.max(to, from),
    severity: String(d.severity || "error").toLowerCase() === "warning" ? "warning" : "error",
    message: d.hint ? `${d.message}\n${d.hint}` : d.message,
  };
}

/** What was typed since the page was opened is undone here; what is older, by the journal of the draft. */
function back(on, view) {
  if (undoDepth(view.state)) undo(view); else on.current.undo();
  return true;
}
function forth(on, view) {
  if (redoDepth(view.state)) redo(view); else on.current.redo();
  return true;
}

function stepped(update) {
  return update.transactions.every((t) => !t.docChanged || t.isUserEvent("undo") || t.isUserEvent("redo"));
}

function extensions(on, readOnly) {
  return [
    lintGutter(), lineNumbers(), foldGutter(), highlightActiveLine(), highlightActiveLineGutter(), drawSelection(),
    history(), indentOnInput(), bracketMatching(), closeBrackets(), highlightSelectionMatches(), search({ top: true }),
    EditorState.readOnly.of(readOnly), EditorState.tabSize.of(2), indentUnit.of("  "), EditorView.lineWrapping, bal(), assist,
    caretInView,
    EditorView.contentAttributes.of({ "aria-label": "BAL text of the bot", spellcheck: "false", tabindex: "0" }),
    keymap.of([
      { key: "Mod-Enter", run: () => { on.current.run(); return true; } },
      { key: "Mod-s", run: () => { on.current.save(); return true; } },
      { key: "Mod-z", preventDefault: true, run: (view) => back(on, view) },
      { key: "Mod-y", mac: "Mod-Shift-z", preventDefault: true, run: (view) => forth(on, view) },
      { key: "Mod-Shift-z", preventDefault: true, run: (view) => forth(on, view) },
      { key: "Alt-Shift-f", run: () => { on.current.format(); return true; } },
      ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap,
      indentWithTab,
    ]),
    EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      on.current.changed(update.state.doc.toString(), stepped(update), { undo: undoDepth(update.state) > 0, redo: redoDepth(update.state) > 0 });
    }),
  ];
}

/** CodeMirror owns the text. The server only sends marks, and its own text under a new number. */
export function BalEditor({ text, rev, quiet, diagnostics, readOnly, onText, onRun, onSave, onFormat, onUndo, onRedo, api }) {
  const box = useRef(null);
  const view = useRef(null);
  const on = useRef({});
  on.current = { run: onRun, save: onSave, format: onFormat, changed: onText, undo: onUndo, redo: onRedo };

  useEffect(() => {
    view.current = new EditorView({
      state: EditorState.create({ doc: text, extensions: extensions(on, readOnly) }),
      parent: box.current,
    });
    return () => view.current.destroy();
  }, []);

  const shown = useRef(rev);
  useEffect(() => {
    if (rev === undefined || shown.current === rev || !view.current) return;
    shown.current = rev;
    const now = view.current.state.doc.toString();
    if (now === text) return;
    // A step of the journal must not become a step of this page: undoing it would be another edit.
    view.current.dispatch({ changes: smallestChange(now, text), annotations: quiet ? [Transaction.addToHistory.of(false)] : [], scrollIntoView: Boolean(quiet) });
  }, [rev]);

  useEffect(() => {
    if (!view.current || !diagnostics) return;
    const { state } = view.current;
    view.current.dispatch(setDiagnostics(state, diagnostics.map((d) => mark(state.doc, d))));
  }, [diagnostics]);

  useImperativeHandle(api, () => ({
    text: () => view.current.state.doc.toString(),
    undo: () => { back(on, view.current); view.current.focus(); },
    redo: () => { forth(on, view.current); view.current.focus(); },
    jump: (line, column) => {
      const pos = offset(view.current.state.doc, line, column);
      view.current.dispatch({ selection: { anchor: pos }, effects: EditorView.scrollIntoView(pos, { y: "center" }) });
      view.current.focus();
    },
  }), []);
  return <div className="editor-box" ref={box} />;
}
