import { useEffect, useImperativeHandle, useRef } from "react";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentUnit, syntaxHighlighting }
  from "@codemirror/language";
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { search, searchKeymap } from "@codemirror/search";
import { tags as t } from "@lezer/highlight";

const colours = HighlightStyle.define([
  { tag: [t.keyword, t.definitionKeyword, t.operatorKeyword], color: "var(--code-keyword)", fontWeight: "600" },
  { tag: [t.propertyName, t.attributeName], color: "var(--code-key)" },
  { tag: [t.atom, t.bool, t.null, t.number], color: "var(--code-number)" },
  { tag: t.string, color: "var(--code-string)" },
  { tag: t.variableName, color: "var(--code-var)" },
  { tag: [t.typeName, t.definition(t.variableName)], color: "var(--code-entity)" },
  { tag: t.comment, color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [t.punctuation, t.bracket, t.operator], color: "var(--code-punct)" },
]);

function extensions(on, { language, label, readOnly }) {
  return [
    foldGutter(), drawSelection(), history(), bracketMatching(), closeBrackets(), autocompletion(),
    search({ top: true }), EditorView.lineWrapping, EditorState.readOnly.of(Boolean(readOnly)),
    EditorState.tabSize.of(2), indentUnit.of("  "), syntaxHighlighting(colours), language,
    ...(readOnly ? [] : [lineNumbers(), highlightActiveLine()]),
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
    keymap.of([
      { key: "Mod-Enter", run: () => { on.current.onRun?.(); return true; } },
      { key: "Alt-Shift-f", run: () => { on.current.onFormat?.(); return true; } },
      ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap,
      ...(readOnly ? [] : [indentWithTab]),
    ]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) on.current.onText?.(update.state.doc.toString());
    }),
  ];
}

/** CodeMirror owns the text; `api` sets it and says where the cursor is. */
export function TextEditor(props) {
  const box = useRef(null);
  const view = useRef(null);
  const on = useRef(props);
  on.current = props;
  useEffect(() => {
    view.current = new EditorView({
      state: EditorState.create({ doc: props.text, extensions: extensions(on, props) }),
      parent: box.current,
    });
    props.onReady?.(view.current);
    return () => view.current.destroy();
  }, []);
  useImperativeHandle(props.api, () => ({
    set: (text) => view.current.dispatch({ changes: { from: 0, to: view.current.state.doc.length, insert: text } }),
    cursor: () => view.current.state.selection.main.head,
    focus: () => view.current.focus(),
  }), []);
  return <div className="editor-box" ref={box} />;
}
