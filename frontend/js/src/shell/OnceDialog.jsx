import { useEffect, useId, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";

/** Something that is shown this once: a token, or a link (a path, which gets the address that this browser uses). */
export function OnceDialog({ title, text, label, value, path, onClose }) {
  const ref = useRef(null);
  const field = useRef(null);
  const id = useId();
  const [copied, setCopied] = useState(false);
  const shown = path ? location.origin + path : value;
  useEffect(() => { ref.current?.showModal(); field.current?.select(); }, []);
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(shown);
    } catch {
      document.execCommand("copy"); // without https a page has no clipboard
    }
    setCopied(true);
  };
  return (
    <dialog ref={ref} className="dialog wide" aria-labelledby={`${id}-title`} onClose={() => emit(onClose)}>
      <header><h2 id={`${id}-title`}>{title}</h2></header>
      <div className="dialog-body">
        <p>{text}</p>
        <div className="field">
          <label htmlFor={`${id}-value`}>{label}</label>
          <div className="copy-row">
            <input id={`${id}-value`} ref={field} className="input mono" readOnly value={shown} onFocus={(e) => e.target.select()} />
            <button type="button" className="button primary" onClick={copy}>
              <Icon name={copied ? "check" : "copy"} /> {copied ? "Copied" : "Copy"}
            </button>
          </div>
          <p className="field-hint" role="status">{copied ? "It is in your clipboard." : ""}</p>
        </div>
      </div>
      <footer><span className="spacer" /><button type="button" className="button" onClick={() => ref.current?.close()}>Done</button></footer>
    </dialog>
  );
}
