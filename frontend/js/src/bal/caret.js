import { EditorView, ViewPlugin } from "@codemirror/view";

/** What opens below the text, such as the list of mistakes, does not hide the line that is written in. */
export const caretInView = ViewPlugin.fromClass(class {
  constructor(view) {
    this.height = view.scrollDOM.clientHeight;
    this.sizes = new ResizeObserver(() => this.resized(view));
    this.sizes.observe(view.scrollDOM);
  }

  resized(view) {
    const before = this.height;
    this.height = view.scrollDOM.clientHeight;
    if (this.height >= before || !view.hasFocus) return;
    const { head } = view.state.selection.main;
    const caret = view.coordsAtPos(head);
    const top = view.scrollDOM.getBoundingClientRect().top;
    const wasShown = caret && caret.top >= top && caret.top < top + before;
    if (wasShown && caret.bottom > top + this.height) {
      view.dispatch({ effects: EditorView.scrollIntoView(head, { yMargin: 8 }) });
    }
  }

  destroy() {
    this.sizes.disconnect();
  }
});
