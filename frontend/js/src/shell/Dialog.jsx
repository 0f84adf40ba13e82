import { useEffect, useRef } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";

/** A question with two answers, shown by the browser's own modal so that focus and Esc are right. */
export function Dialog({ title, text, confirm, keep, danger, onConfirm, onClose }) {
  const ref = useRef(null);
  useEffect(() => { ref.current?.showModal(); }, []);
  const close = () => { ref.current?.close(); };
  return (
    <dialog ref={ref} className="dialog" aria-labelledby="dialog-title" onClose={() => emit(onClose)}
      onClick={(e) => { if (e.target === ref.current) close(); }}>
      <header>
        <h2 id="dialog-title">{title}</h2>
        <button type="button" className="icon-button" aria-label="Close" onClick={close}><Icon name="x" /></button>
      </header>
      <p>{text}</p>
      <footer>
        <button type="button" className="button" onClick={close}>{keep || "Keep it"}</button>
        <button type="button" className={`button ${danger ? "danger" : "primary"}`}
          onClick={() => { emit(onConfirm); close(); }}>{confirm}</button>
      </footer>
    </dialog>
  );
}
