import { useEffect, useId, useMemo, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";
import { cost, duration, tokens } from "../lib/format.js";
import { once } from "../lib/socket.js";
import { JsonField, readJson, toText } from "./Arguments.jsx";
import { isLeaf, rows } from "./fold.js";
import { largeOf } from "./Large.jsx";
import { labelOf } from "./places.js";
import { insideEntity } from "./repairs.js";
import modelsQuery from "../../../../graphql-schema/operations/models.graphql";
import estimateQuery from "../../../../graphql-schema/operations/estimate_rerun.graphql";

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

/** What comes before the step and has a result: what is finished earlier, and not around it. Of a call that a model made
 * that is what the model was told before it. */
function earlier(run, step) {
  const at = run.order.indexOf(step.key);
  if (!step.key) return [];
  if (insideEntity(run, step)) {
    return run.order.slice(0, at).map((key) => run.steps.get(key)).filter((s) => s?.parentKey === step.parentKey && s.status === "COMPLETED");
  }
  return rows(run).map((r) => r.step).filter((s) => isLeaf(s) && s.key !== step.key && s.status === "COMPLETED" && !step.key.startsWith(`${s.key}/`)
    && !s.key.startsWith(`${step.key}/`) && run.steps.get(s.parentKey)?.type !== "entity" && (s.position ?? run.order.indexOf(s.key)) < (step.position ?? at));
}

const calls = (n) => (n === 1 ? "1 call" : `${n} calls`);

/** What is taken over and what is paid again, asked of the server before anything starts. */
function Estimate({ executionId, fromStep, onlyFailed, version, edited }) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    let left = false;
    setFound(null);
    once(estimateQuery, { executionId, fromStep, version, onlyFailed })
      .then((data) => { if (!left) setFound(data?.estimateRerun || {}); })
      .catch((error) => { if (!left) setFound({ problem: error.message }); });
    return () => { left = true; };
  }, [executionId, fromStep, version, onlyFailed]);
  if (!found) return <p className="estimate muted" role="status"><Icon name="loader-circle" className="spin" /> Counting what it would cost…</p>;
  if (found.problem) return <p className="estimate field-error" role="status">{found.problem}</p>;
  if (!found.redone) return null;
  return (
    <dl className="estimate" role="status">
      <div><dt>Taken over, no cost</dt><dd>{calls(found.reused.length)}{Number(found.reusedCost) ? <small>{cost(found.reusedCost)} not paid again</small> : null}</dd></div>
      <div><dt>Made anew</dt><dd>{calls(found.redone.length)}<small>{found.redone.length ? <>≈ {cost(found.cost)}, {tokens(found.tokens)} tokens, {duration(Number(found.durationMs)) || "0 ms"} the last time</> : "Nothing is paid."}</small></dd></div>
      {found.unpriced.length ? <p className="field-hint unpriced-note">No price is known for the model of {calls(found.unpriced.length)}: what {found.unpriced.length === 1 ? "it costs" : "they cost"} is not in the sum.</p> : null}
      {found.unknown.length ? <p className="field-hint">{calls(found.unknown.length)} did not come to an end the last time, so {found.unknown.length === 1 ? "its" : "their"} cost is not known. Steps that were never reached are not counted.</p> : null}
      {edited && version === "SAME" ? <p className="field-hint">What you edit may lead the run other ways than the last time.</p> : null}
      {version === "DRAFT" ? <p className="field-hint">What the draft does otherwise is not foreseen.</p> : null}
    </dl>
  );
}

/** Which model an entity asks in the new execution. */
function ModelField({ id, entity, asked, value, onChange }) {
  const [known, setKnown] = useState([]);
  useEffect(() => {
    let left = false;
    once(modelsQuery, {}).then((data) => { if (!left) setKnown((data?.models || []).map((one) => one.id)); }).catch(() => {});
    return () => { left = true; };
  }, []);
  return (
    <div className="field">
      <label htmlFor={id}>Model of {entity}</label>
      <input id={id} className="input mono" list={`${id}-list`} value={value} placeholder="provider:model" spellCheck={false} autoComplete="off" autoFocus
        onChange={(e) => onChange(e.target.value)} />
      <datalist id={`${id}-list`}>{known.filter((one) => one !== asked).map((one) => <option key={one} value={one} />)}</datalist>
      <p className="field-hint">{asked ? `${asked} was asked the last time. ` : ""}Only the new execution asks this one; the bot stays as it is.</p>
    </div>
  );
}

// In the place of the key of a step whose result is another one.
const ARGUMENTS = "#arguments";
const NOTHING = { key: "", name: "the beginning" };
// In the place of a step to begin with; no step has such a key.
const FAILED_ONES = "*";

function Beginning({ step, only, lost }) {
  if (only) return <>A new execution does again what failed{lost ? `, ${calls(lost)},` : ""} and what follows from it; all else is taken over.</>;
  return step.key ? <>A new execution begins with <code>{step.name}</code> and takes over what stands before it.</> : <>A new execution begins with the first step.</>;
}

/** Doing an execution again from one step, as a new execution that takes over what stands before it. `start` null:
 * nothing had begun. `model`: of this entity another model is chosen. `lost`: so many calls failed and can be done again by themselves. */
export function RerunDialog({ run, start, model, onlyFailed = false, lost = 0, eligible, input, version = "SAME", onRerun, onClose, answer }) {
  const ref = useRef(null);
  const id = useId();
  const [from, setFrom] = useState(onlyFailed ? FAILED_ONES : start?.key ?? "");
  const [chosenModel, setChosenModel] = useState("");
  const [chosen, setChosen] = useState(version);
  const [edits, setEdits] = useState({});
  const [busy, setBusy] = useState(false);
  const only = from === FAILED_ONES;
  const step = only ? NOTHING : run.steps.get(from) || start || NOTHING;
  const called = insideEntity(run, step);
  const asked = model ? eligible.find((s) => s.name === model && s.type === "entity") : null;
  const before = useMemo(() => earlier(run, step), [run, step.key]);
  useEffect(() => { ref.current?.showModal(); }, []);
  useEffect(() => setBusy(false), [answer]);
  const begin = (key) => { setFrom(key); setEdits((old) => ({ ...old, [ARGUMENTS]: undefined })); };
  const edit = (name) => (value) => setEdits((old) => ({ ...old, [name]: value }));
  const broken = Object.values(edits).some((text) => text !== undefined && !readJson(text).ok);
  const edited = Object.values(edits).some((text) => text !== undefined);
  const send = () => {
    const outputs = {};
    for (const s of before) if (edits[s.key] !== undefined) outputs[s.key] = readJson(edits[s.key]).value;
    const given = only || called || edits[""] === undefined ? {} : { input: readJson(edits[""]).value };
    if (called && edits[ARGUMENTS] !== undefined) given.arguments = readJson(edits[ARGUMENTS]).value;
    if (only) given.onlyFailed = true;
    setBusy(true);
    emit(onRerun, { fromStep: step.key || null, version: chosen, outputs, ...given, ...(model ? { models: { [model]: chosenModel.trim() } } : {}) });
  };
  return (
    <dialog ref={ref} className="dialog wide" aria-labelledby={`${id}-title`} onClose={onClose} onClick={(e) => { if (e.target === ref.current) ref.current.close(); }}>
      <header><h2 id={`${id}-title`}>{only ? "Rerun what failed" : `Rerun from ${labelOf(run, step)}`}</h2>
        <button type="button" className="icon-button" aria-label="Close" onClick={() => ref.current.close()}><Icon name="x" /></button></header>
      <div className="dialog-body">
        <p><Beginning step={step} only={only} lost={lost} /> This one stays as it is.</p>
        {model ? <ModelField id={`${id}-model`} entity={model} asked={asked?.requestedModel || asked?.model} value={chosenModel} onChange={setChosenModel} /> : null}
        {only || (step.key && eligible.length + (lost ? 1 : 0) > 1) ? (
          <div className="field">
            <label htmlFor={`${id}-from`}>Begin with</label>
            <div className="select-wrap">
              <select id={`${id}-from`} className="input" value={only ? FAILED_ONES : step.key} onChange={(e) => begin(e.target.value)}>
                {lost && !model ? <option value={FAILED_ONES}>Only what failed ({calls(lost)})</option> : null}
                {eligible.map((s) => <option key={s.key} value={s.key}>{labelOf(run, s)}{s.key.includes("/") ? ` (${s.key})` : ""}{s.status === "FAILED" ? ", failed" : ""}</option>)}
              </select>
              <Icon name="chevron-down" />
            </div>
          </div>
        ) : null}
        <Version value={chosen} onChange={setChosen} name={`${id}-version`} />
        {only ? null : (
          <fieldset className="choose">
            <legend>What it is given</legend>
            {called ? <Editable id={`${id}-arguments`} label={`Arguments of ${labelOf(run, step)}`} original={step.input} value={edits[ARGUMENTS]} onChange={edit(ARGUMENTS)} />
              : <Editable id={`${id}-input`} label="Input of the execution" original={input} value={edits[""]} onChange={edit("")} />}
            {before.map((s, n) => <Editable key={s.key} id={`${id}-out-${n}`} label={called ? `Result of ${s.name} (${s.key.split("/").at(-2)})` : `Output of ${labelOf(run, s)}`} original={s.output} value={edits[s.key]} onChange={edit(s.key)} />)}
            {called ? <p className="field-hint">What its model had answered before this call is taken over. With another result it is asked again from there.</p> : null}
          </fieldset>
        )}
        <Estimate executionId={run.id} fromStep={step.key || null} onlyFailed={only} version={chosen} edited={edited} />
      </div>
      <footer>
        <span className="muted">Nothing is paid before you press Rerun.</span><span className="spacer" />
        <button type="button" className="button" onClick={() => ref.current.close()}>Close</button>
        <button type="button" className="button primary" disabled={broken || busy || (Boolean(model) && !chosenModel.trim())} onClick={send}><Icon name={busy ? "loader-circle" : "play"} className={busy ? "spin" : ""} /> Rerun</button>
      </footer>
    </dialog>
  );
}
