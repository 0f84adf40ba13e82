import { autocompletion } from "@codemirror/autocomplete";
import { complete } from "./complete.js";
import { define } from "./define.js";
import { explain } from "./explain.js";
import { renaming } from "./rename.js";
import { signature } from "./signature.js";

export const assist = [
  autocompletion({ override: [complete], icons: false, maxRenderedOptions: 40 }), explain, define, renaming, signature,
];
