import { useRef, useState } from "react";
import { emit, online } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";

async function send(file) {
  const response = await fetch(`/bundles?name=${encodeURIComponent(file.name)}`, {
    method: "POST", body: file, headers: { "content-type": "application/zip" }, credentials: "same-origin",
  });
  const said = await response.text();
  if (response.ok) return JSON.parse(said);
  let words = said;
  try { words = JSON.parse(said).error; } catch { /* a plain sentence */ }
  throw new Error(words || `The server answered ${response.status}.`);
}

/** Takes a bundle by click, by key or dropped, and tells Python its id. Nothing changes by it. */
export function BundleUpload({ onUpload }) {
  const field = useRef(null);
  const [state, setState] = useState({});
  const take = async (file) => {
    if (!file || state.busy) return;
    if (!online()) return setState({ error: "There is no connection to the server just now." });
    setState({ busy: file.name });
    try {
      const found = await send(file);
      setState({});
      emit(onUpload, found);
    } catch (error) {
      setState({ error: error.message });
    }
    field.current.value = "";
  };
  const drop = (event) => {
    event.preventDefault();
    setState((old) => ({ ...old, over: false }));
    take(event.dataTransfer.files[0]);
  };
  return (
    <div>
      <label className="drop" data-over={state.over || undefined} onDrop={drop}
        onDragOver={(e) => { e.preventDefault(); setState((old) => ({ ...old, over: true })); }}
        onDragLeave={() => setState((old) => ({ ...old, over: false }))}>
        <span className="empty-mark" aria-hidden="true"><Icon name={state.busy ? "loader-circle" : "upload"} className={state.busy ? "spin" : ""} /></span>
        <strong>{state.busy ? `Reading ${state.busy}` : "Choose a bundle, or drop it here"}</strong>
        <small>A .zip that Baleybots exported, at most 4 MiB. You see what it would do before anything changes.</small>
        <input ref={field} type="file" accept=".zip,application/zip" className="visually-hidden" aria-label="Choose a bundle"
          onChange={(e) => take(e.target.files[0])} disabled={Boolean(state.busy)} />
      </label>
      {state.error ? <p className="note" role="alert"><Icon name="triangle-alert" /> {state.error}</p> : null}
    </div>
  );
}
