import { useEffect, useId, useMemo, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";
import { cost } from "../lib/format.js";
import { JsonField, readJson, toText } from "./Arguments.jsx";
import { isLeaf, rows } from "./fold.js";
import { largeOf } from "./Large.jsx";

function Version({ value, onChange, name }) {
  const choices = [["SAME", "Same version", "Exactly the text that ran"], ["DRAFT", "Current draft", "With what was changed since"]];
  return (
    <fieldset className="choose">
      <legend>Text of the bot</legend>
      {choices.map(([key, label, note]) => (
        <label key={key} data-on={value === key ? "yes" : undefined}>
          <input type="radio" name={name} checked={value === key} onChange={() => onChange(key)} /><span>{label}<small>{note}</small></span>
        </label>
      ))}
    </fieldset>
  );
}

function Editable({ id, label, original, value, onChange }) {
  if (largeOf(original)) return <p className="muted">{label} is too large to be edited here; it is taken over as it is.</p>;
  if (value === undefined) {
    return (
      <p className="editable"><span>{label}</span><span className="spacer" />
        <button type="button" className="button small" aria-label={`Edit ${label}`} onClick={() => onChange(toText(original))}><Icon name="pen-line" /> Edit</button></p>
    );
  }
  return (
    <div className="editable-open">
      <JsonField id={id} label={label} value={value} onChange={onChange} hint="Only the new execution sees this." />
      <button type="button" className="button small quiet" onClick={() => onChange(undefined)}><Icon name="undo-2" /> As it was</button>
    </div>
  );
}

/** What comes before the step and has a result: what is finished earlier, and not around it. */
function earlier(run, step) {
  const at = run.order.indexOf(step.key);
  return rows(run).map((r) => r.step).filter((s) => isLeaf(s) && s.key !== step.key && s.status === "COMPLETED" && !step.key.startsWith(`${s.key}/`)
    && !s.key.startsWith(`${step.key}/`) && run.steps.get(s.parentKey)?.type !== "entity" && (s.position ?? run.order.indexOf(s.key)) < (step.position ?? at));
}

/** Doing an execution again from one step, as a new execution that takes over what stands before it. */
export function RerunDialog({ run, step, input, version = "SAME", onRerun, onClose, answer }) {
  const ref = useRef(null);
  const id = useId();
  const [chosen, setChosen] = useState(version);
  const [edits, setEdits] = useState({});
  const [busy, setBusy] = useState(false);
  const before = useMemo(() => earlier(run, step), [run, step.key]);
  useEffect(() => { ref.current?.showModal(); }, []);
  useEffect(() => setBusy(false), [answer]);
  const edit = (name) => (value) => setEdits((old) => ({ ...old, [name]: value }));
  const broken = Object.values(edits).some((text) => text !== undefined && !readJson(text).ok);
  const paid = before.reduce((sum, s) => sum + Number(s.usage?.cost || 0), 0);
  const send = () => {
    const outputs = {};
    for (const s of before) if (edits[s.key] !== undefined) outputs[s.key] = readJson(edits[s.key]).value;
    const given = edits[""] === undefined ? {} : { input: readJson(edits[""]).value };
    setBusy(true);
    emit(onRerun, { fromStep: step.key, version: chosen, outputs, ...given });
  };
  return (
    <dialog ref={ref} className="dialog wide" aria-labelledby={`${id}-title`} onClose={onClose} onClick={(e) => { if (e.target === ref.current) ref.current.close(); }}>
      <header><h2 id={`${id}-title`}>Rerun from {step.name}</h2>
        <button type="button" className="icon-button" aria-label="Close" onClick={() => ref.current.close()}><Icon name="x" /></button></header>
      <div className="dialog-body">
        <p>A new execution begins with <code>{step.name}</code>. This one stays as it is.{" "}
          {before.length ? <>{before.length === 1 ? "One step is" : `${before.length} steps are`} taken over at no cost{paid ? <> instead of {cost(paid)}</> : null}.</> : "No step with a cost stands before it."}</p>
        <Version value={chosen} onChange={setChosen} name={`${id}-version`} />
        <fieldset className="choose">
          <legend>What it is given</legend>
          <Editable id={`${id}-input`} label="Input of the execution" original={input} value={edits[""]} onChange={edit("")} />
          {before.map((s, n) => <Editable key={s.key} id={`${id}-out-${n}`} label={`Output of ${s.name}`} original={s.output} value={edits[s.key]} onChange={edit(s.key)} />)}
        </fieldset>
      </div>
      <footer>
        <span className="muted">Steps from here on are run and paid anew.</span><span className="spacer" />
        <button type="button" className="button" onClick={() => ref.current.close()}>Close</button>
        <button type="button" className="button primary" disabled={broken || busy} onClick={send}><Icon name={busy ? "loader-circle" : "play"} className={busy ? "spin" : ""} /> Rerun</button>
      </footer>
    </dialog>
  );
}
