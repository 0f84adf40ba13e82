// What the editor and the run panel of one page tell each other without a round trip.
let editor = null;
let runner = null;

export const desk = {
  setEditor(value) { editor = value; },
  setRunner(value) { runner = value; },
  /** The newest text with its number, so that a run never starts from an older draft. */
  draft: () => (editor ? editor.draft() : null),
  /** Called before the page is left, so that the last quarter of a second of typing is kept. */
  flush: () => editor?.flush(),
  run: () => runner?.run(),
};
