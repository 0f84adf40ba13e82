import { useEffect, useRef, useState } from "react";
import { emit, online } from "../lib/emit.js";
import { desk } from "../lib/desk.js";
import { onceKey } from "../lib/press.js";
import { Icon } from "../lib/Icon.jsx";
import { LABELS, cost, duration, isFinal, tokens } from "../lib/format.js";
import { useRun } from "./useRun.js";
import { isLeaf, rows, totals } from "./fold.js";
import { labelOf, wholePlaceOf } from "./places.js";
import { failedStep } from "./repairs.js";
import { InputForm, hasForm } from "./InputForm.jsx";
import { StepCard, spent } from "./StepCard.jsx";
import { Failure } from "./Failure.jsx";
import { Foreseen } from "./Foreseen.jsx";
import { Copy, Value, asText } from "./Value.jsx";

const SHOWN_STEPS = 24;
const memory = (botId) => `input:${botId}`;
const remember = (botId, text) => { try { sessionStorage.setItem(memory(botId), text); } catch { /* a full store only forgets */ } };

function readInput(text) {
  const trimmed = text.trim();
  if (!trimmed) return { value: null, kind: "empty" };
  if (!/^[[{"\d-]|^(true|false|null)$/.test(trimmed)) return { value: text, kind: "text" };
  try {
    return { value: JSON.parse(trimmed), kind: "json" };
  } catch (error) {
    return { value: text, kind: /^[[{]/.test(trimmed) ? "broken" : "text", problem: error.message };
  }
}

function Summary({ run }) {
  const sum = totals(run);
  const final = isFinal(run.status);
  return (
    <dl className="run-facts" data-status={run.status}>
      <div><dt>Status</dt><dd><span className="pill" data-status={run.status}>{LABELS[run.status] || run.status}</span></dd></div>
      <div><dt>Time</dt><dd className="num">{final || !run.startedAt ? duration(spent(run)) || "0 ms" : <bb-elapsed since={run.startedAt} />}</dd></div>
      <div><dt>Tokens</dt><dd className="num">{tokens(sum.totalTokens || 0)}</dd></div>
      <div><dt>Cost</dt><dd className="num">{sum.estimated ? "≈ " : ""}{cost(sum.cost || "0")}</dd></div>
    </dl>
  );
}

function LiveRun({ executionId, snapshot, onFinished, onCancel, onDemo }) {
  const { run, trouble } = useRun(executionId, snapshot, onFinished);
  const final = isFinal(run.status);
  const list = rows(run);
  const leaves = list.filter(({ step }) => isLeaf(step) && step.status !== "PENDING").map(({ step }) => step);
  const failed = failedStep(run, list);
  return (
    <section className="live" aria-label="Result" data-seq={run.lastSeq} data-status={run.status}>
      <header className="live-head">
        <Summary run={run} />
        {final ? null : (
          <button type="button" className="button small" onClick={() => emit(onCancel, { id: executionId })}>
            <Icon name="square" /> Stop
          </button>
        )}
        <a className="button small quiet" href={`/executions/${executionId}`}>Details <Icon name="arrow-right" /></a>
      </header>
      {trouble ? <p className="note" role="alert"><Icon name="triangle-alert" /> {trouble}</p> : null}
      {run.error ? <Failure error={run.error} where={failed && labelOf(run, failed)} onDemo={onDemo} /> : null}
      {leaves.length > SHOWN_STEPS ? (
        <p className="earlier"><a href={`/executions/${executionId}`}>{leaves.length - SHOWN_STEPS} earlier steps</a></p>
      ) : null}
      <div className="steps">{leaves.slice(-SHOWN_STEPS).map((step) => <StepCard key={step.key} step={step} place={wholePlaceOf(run, step)} whole={final && leaves.length === 1} />)}</div>
      {!leaves.length && !final ? <div className="skeleton-lines"><i /><i /><i /></div> : null}
      {final && run.status === "COMPLETED" && leaves.length !== 1 ? (
        <article className="step-card result">
          <header><Icon name="circle-check" /><h3>Result</h3><span className="spacer" /><Copy text={asText(run.output)} /></header>
          <div className="step-body"><Value value={run.output} /></div>
        </article>
      ) : null}
    </section>
  );
}

function ModeTabs({ mode, onMode }) {
  return (
    <div className="segmented" role="group" aria-label="Kind of input">
      {["form", "json"].map((m) => (
        <button key={m} type="button" aria-pressed={mode === m} onClick={() => onMode(m)} data-offline-ok>
          {m === "form" ? "Form" : "JSON"}
        </button>
      ))}
    </div>
  );
}

const MODES = { LIVE: "Live", DEMO: "Demo", RECORDED: "Recorded" };
const RUN = { LIVE: "Run", DEMO: "Run in demo", RECORDED: "Replay" };
const SAID = {
  LIVE: "",
  DEMO: "The offline demo model answers. Tools are called.",
  RECORDED: "Recorded answers are given again: no model and no tool is called, and nothing is paid. Without an input the recorded one counts.",
};

/** Live, demo or recorded; in recorded mode also which recording. */
function Modes({ how, onHow, tape, onTape, recordings, onForget, onOpen }) {
  const recorded = how === "RECORDED";
  useEffect(() => { if (recorded) emit(onOpen); }, [recorded]);
  const list = recordings || [];
  const chosen = list.find((one) => one.id === tape);
  return (
    <div className="run-modes">
      <div className="segmented" role="group" aria-label="How models and tools are reached">
        {Object.entries(MODES).map(([name, label]) => <button key={name} type="button" aria-pressed={how === name} onClick={() => onHow(name)} data-offline-ok>{label}</button>)}
      </div>
      {recorded && list.length ? (
        <>
          <select className="input small" aria-label="Recording" value={chosen ? tape : ""} onChange={(e) => onTape(e.target.value)}>
            <option value="">Newest recording</option>
            {list.map((one) => <option key={one.id} value={one.id}>{one.name} ({one.answers} answers)</option>)}
          </select>
          {chosen?.viewerCan?.delete ? <button type="button" className="icon-button" aria-label={`Delete the recording ${chosen.name}`} title="Delete this recording" onClick={() => { onTape(""); emit(onForget, { id: chosen.id }); }}><Icon name="trash-2" /></button> : null}
        </>
      ) : null}
      {SAID[how] ? <p className="field-hint">{SAID[how]}{recorded && recordings && !list.length ? " Nothing is kept yet: the last live execution that completed is used." : ""}</p> : null}
    </div>
  );
}

function InputNote({ input }) {
  if (input.kind === "broken") return <p className="field-hint warn">Not valid JSON, so it is sent as text. {input.problem}</p>;
  if (input.kind === "json" && typeof input.value === "object") return <p className="field-hint">Sent as JSON.</p>;
  return null;
}

/** Input, Run, and the live result of the execution that was started last. */
export function RunPanel(props) {
  const { botId, schema, sample, executionId, execution, canRun, starting } = props;
  const first = sessionStorage.getItem(memory(botId)) ?? (sample === null || sample === undefined ? "" : asText(sample));
  const [text, setText] = useState(first);
  const [mode, setMode] = useState("form");
  const [how, setHow] = useState("LIVE");
  const [tape, setTape] = useState("");
  const [goesOn, setGoesOn] = useState(false);
  const [pressed, setPressed] = useState(0);
  const [ended, setEnded] = useState(0);
  const latest = useRef(props);
  latest.current = props;
  const input = readInput(text);
  const waiting = pressed !== 0 && pressed !== executionId && starting !== "failed";
  useEffect(() => { setPressed(0); }, [executionId, props.answer]);

  const change = (next) => { setText(next); remember(botId, next); };
  const run = (mode) => {
    if (!latest.current.canRun || waiting || !online()) return;
    setPressed(executionId || "first");
    const given = readInput(text);
    emit(latest.current.onRun, { input: given.value, empty: given.kind === "empty", draft: desk.draft(), mode: MODES[mode] ? mode : how, recordingId: (MODES[mode] ? mode : how) === "RECORDED" ? tape || null : null, continues: goesOn && how !== "RECORDED" ? executionId : null, key: onceKey() });
  };
  const runner = useRef(run);
  runner.current = run;
  useEffect(() => {
    desk.setRunner({ run: () => runner.current() });
    const onKey = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && !event.defaultPrevented) runner.current();
    };
    window.addEventListener("keydown", onKey);
    return () => { window.removeEventListener("keydown", onKey); desk.setRunner(null); };
  }, []);
  const form = hasForm(schema);
  return (
    <section className="panel run-panel" aria-label="Run">
      <header className="panel-head">
        <h2>Run</h2>
        <span className="spacer" />
        {form ? <ModeTabs mode={mode} onMode={setMode} /> : null}
      </header>
      <div className="run-input">
        {form && mode === "form" ? (
          <InputForm schema={schema} value={typeof input.value === "object" ? input.value : {}} onChange={(v) => change(JSON.stringify(v, null, 2))} />
        ) : (
          <div className="field">
            <label htmlFor="run-input-text">Input</label>
            <textarea id="run-input-text" className={`input grow ${input.kind === "json" ? "mono" : ""}`} rows={3} value={text}
              placeholder="Text or JSON. Leave it empty to use the run(…) line of the bot."
              onChange={(e) => change(e.target.value)} />
            <InputNote input={input} />
          </div>
        )}
        <Modes how={how} onHow={setHow} tape={tape} onTape={setTape} recordings={props.recordings} onForget={props.onForget} onOpen={props.onRecorded} />
        {executionId && how !== "RECORDED" ? (
          <label className="check go-on" title="Entities are told what was asked and answered before; history: none keeps it from one">
            <input type="checkbox" checked={goesOn} onChange={(e) => setGoesOn(e.target.checked)} data-offline-ok /> <span>Go on from the answer below</span>
          </label>
        ) : null}
        <div className="run-bar">
          <button type="button" className="button primary" onClick={() => run()} disabled={!canRun || waiting}>
            <Icon name={waiting ? "loader-circle" : "play"} className={waiting ? "spin" : ""} /> {waiting ? "Starting" : RUN[how]}
          </button>
          <span className="hint-keys"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
          <span className="spacer" />
          {text ? <button type="button" className="button small quiet" onClick={() => change("")} data-offline-ok>Clear</button> : null}
        </div>
        {how === "LIVE" && canRun ? <Foreseen botId={botId} draft={props.draft} ended={ended} text={text} value={input.value} /> : null}
      </div>
      {executionId ? (
        <LiveRun key={executionId} executionId={executionId} snapshot={execution} onCancel={props.onCancel} onDemo={canRun ? () => run("DEMO") : undefined}
          onFinished={(status) => { setEnded((n) => n + 1); emit(latest.current.onFinished, { id: executionId, status }); }} />
      ) : (
        <div className="run-empty"><Icon name="play" /><p>The answer appears here while it is being written.</p></div>
      )}
    </section>
  );
}
