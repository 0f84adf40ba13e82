import { useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { emit, online } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";
import { InputForm, hasForm } from "./InputForm.jsx";
import { ArgumentsForm, JsonField, readJson } from "./Arguments.jsx";
import { Repairs } from "./Failure.jsx";
import { firstOf } from "./repairs.js";
import { Value } from "./Value.jsx";

const CHOICES = {
  REMEDY: {
    retry: ["refresh-cw", "Try again", "What is finished before it is kept."], edit: ["pen-line", "Edit and try again", "With something else than it was given."], skip: ["circle-slash", "Go on without it", "Its input takes the place of its result."],
    continue: ["pen-line", "Go on with a value", "Your value takes the place of its result."], fail: ["x", "Let it fail", "The failure goes on to what stands around the step."],
  },
  OUTCOME: {
    retry: ["refresh-cw", "It did not happen: try again", "The call is made once more."], done: ["check", "It happened", "Say what the result was; the call is not made again."],
    skip: ["circle-slash", "Go on without it", "Its input takes the place of its result."],
  },
};
// Of a tool that a model called: the model goes on in place of the step.
const OF_A_MODEL = { skip: "The model is told that it failed.", continue: "The model takes your value for its result.", fail: "The entity that called it fails too." };
const OUTCOME_OF_A_MODEL = { skip: "The model is told that nobody knows whether it was done." };
const ofAModel = (q, name) => /\/turn\[\d+\]/.test(q.stepKey || "") && { REMEDY: OF_A_MODEL, OUTCOME: OUTCOME_OF_A_MODEL }[q.kind]?.[name];
const editable = (q) => q.kind === "REMEDY" && q.arguments !== null && typeof q.arguments === "object" && "given" in q.arguments;
const NEEDS_VALUE = ["continue", "done"];
const NEEDS_MORE = [...NEEDS_VALUE, "edit"];
const ENDED = {
  APPROVED: "Approved", REJECTED: "Rejected", MODIFIED: "Approved with changes", EXPIRED: "Nobody decided in time", WITHDRAWN: "No longer needed",
};

function title(q) {
  const name = q.stepName || q.stepKey?.split("/").pop() || "a step";
  if (q.kind === "REMEDY") return <>What to do about <code>{name}</code>?</>;
  if (q.kind === "QUESTION") return <>{q.bot?.name || "A bot"} asks</>;
  if (q.kind === "OUTCOME") return <>Did <code>{q.tool || name}</code> happen?</>;
  return <>May <code>{q.tool || name}</code> be used?</>;
}

function Ask({ label, icon, hotkey, onClick, primary, danger, disabled }) {
  return (
    <button type="button" className={`button${primary ? " primary" : ""}${danger ? " danger" : ""}`} disabled={disabled} onClick={onClick}
      aria-keyshortcuts={hotkey}>
      <Icon name={icon} /> {label} {hotkey ? <kbd aria-hidden="true">{hotkey}</kbd> : null}
    </button>
  );
}

/** What goes with a choice: a reason, or a value in the place of a result. */
function Extra({ id, kind, onSend, onClose }) {
  const [text, setText] = useState(kind === "reject" ? "" : "null");
  const field = useRef(null);
  useLayoutEffect(() => { field.current?.querySelector("textarea")?.focus(); }, []);
  const read = kind === "reject" ? { ok: true } : readJson(text);
  return (
    <div className="extra" ref={field} onKeyDown={(e) => { if (e.key === "Escape") { e.stopPropagation(); onClose(); } }}>
      {kind === "reject" ? (
        <div className="field">
          <label htmlFor={`${id}-why`}>Why not?</label>
          <textarea id={`${id}-why`} className="input grow" rows={2} value={text} onChange={(e) => setText(e.target.value)} />
          <p className="field-hint">The bot reads this. It may be left empty.</p>
        </div>
      ) : <JsonField id={`${id}-value`} label="Result as JSON" value={text} onChange={setText} rows={4} />}
      <div className="actions">
        <button type="button" className={`button ${kind === "reject" ? "danger" : "primary"}`} disabled={!read.ok}
          onClick={() => onSend(kind === "reject" ? { note: text.trim() || null } : { value: read.value })}>
          {kind === "reject" ? "Reject" : "Go on with this"}
        </button>
        <button type="button" className="button quiet" onClick={onClose}>Back</button>
      </div>
    </div>
  );
}

/** What a failed step is given when it is tried again. */
function Edit({ id, q, busy, onSend, onClose }) {
  const [value, setValue] = useState(q.arguments.given);
  const [broken, setBroken] = useState(false);
  const words = q.tool ? "Arguments" : "Input";
  return (
    <div className="extra" onKeyDown={(e) => { if (e.key === "Escape") { e.stopPropagation(); onClose(); } }}>
      {typeof q.arguments.given === "string" ? (
        <div className="field">
          <label htmlFor={`${id}-given`}>{words}</label>
          <textarea id={`${id}-given`} className="input grow" rows={4} value={value} autoFocus onChange={(e) => setValue(e.target.value)} />
        </div>
      ) : <ArgumentsForm id={`${id}-given`} value={value} onChange={setValue} problem={setBroken} label={`${words} as JSON`} />}
      <div className="actions">
        <button type="button" className="button primary" disabled={busy || broken} onClick={() => onSend(value)}><Icon name="refresh-cw" /> Try again with this</button>
        <button type="button" className="button quiet" onClick={onClose}>Back</button>
      </div>
    </div>
  );
}

function ToolButtons({ state, set, busy, send, keys, changed, broken }) {
  if (state === "reject") return null;
  if (state === "modify") {
    return (
      <div className="actions">
        <Ask label={changed ? "Approve with changes" : "Approve"} icon="check" primary disabled={busy || broken} hotkey={keys ? "A" : undefined} onClick={send.approve} />
        <button type="button" className="button quiet" onClick={() => set("")}><Icon name="undo-2" /> Drop the changes</button>
      </div>
    );
  }
  return (
    <div className="actions">
      <Ask label="Approve" icon="check" primary disabled={busy} hotkey={keys ? "A" : undefined} onClick={send.approve} />
      <Ask label="Reject" icon="x" disabled={busy} hotkey={keys ? "R" : undefined} onClick={() => set("reject")} />
      <Ask label="Modify" icon="pen-line" disabled={busy} hotkey={keys ? "M" : undefined} onClick={() => set("modify")} />
    </div>
  );
}

function ChoiceButtons({ q, choices, state, set, busy, send, keys }) {
  if (state) return null;
  return (
    <ul className="choices">
      {choices.map((name, i) => {
        const [icon, label, note] = CHOICES[q.kind]?.[name] || ["check", name, ""];
        return (
          <li key={name}>
            <Ask label={label} icon={icon} primary={i === 0 && q.kind !== "OUTCOME"} hotkey={keys && q.kind !== "OUTCOME" ? String(i + 1) : undefined} disabled={busy}
              onClick={() => (NEEDS_MORE.includes(name) ? set(name) : send.choose(name))} />
            <small>{ofAModel(q, name) || note}</small>
          </li>
        );
      })}
    </ul>
  );
}

const SHORT = 9;

/** A question that is answered by one of a few words: a button each. */
function onlyChoice(schema) {
  const [[name, part] = [], ...others] = Object.entries(schema?.properties || {});
  const words = (part?.enum || []).filter((word) => word !== null);
  return others.length === 0 && words.length > 0 && words.length <= SHORT ? { name, enum: words } : null;
}

function AnswerButtons({ only, busy, keys, onSend, onReject }) {
  return (
    <div className="actions answers">
      {only.enum.map((word, i) => <Ask key={word} label={String(word)} icon="corner-down-left" disabled={busy} hotkey={keys ? String(i + 1) : undefined} onClick={() => onSend({ [only.name]: word })} />)}
      <button type="button" className="button quiet" disabled={busy} onClick={onReject}><Icon name="x" /> I will not answer</button>
    </div>
  );
}

/** What the bot wants to know: a field for each thing. */
function AnswerForm({ q, id, busy, onSend, onReject }) {
  const [values, setValues] = useState({});
  const needed = (q.answerSchema?.required || []).filter((name) => values[name] === undefined || values[name] === "");
  const properties = q.answerSchema?.properties || {};
  const flags = Object.fromEntries(Object.entries(properties).filter(([, part]) => part.type === "boolean").map(([name]) => [name, false]));
  const missing = needed.filter((name) => !(name in flags));
  return (
    <form className="answer-form" aria-labelledby={`${id}-title`} onSubmit={(e) => { e.preventDefault(); if (!busy && !missing.length) onSend({ ...flags, ...values }); }}>
      {hasForm(q.answerSchema) ? <InputForm schema={q.answerSchema} value={values} onChange={setValues} /> : null}
      <div className="actions">
        <button type="submit" className="button primary" disabled={busy || missing.length > 0}><Icon name="check" /> Answer</button>
        <button type="button" className="button" disabled={busy} onClick={onReject}><Icon name="x" /> I will not answer</button>
      </div>
    </form>
  );
}

function Where({ q }) {
  return (
    <p className="question-where">
      {q.bot ? <a href={`/bots/${q.bot.id}`}>{q.bot.name}</a> : null}
      {q.executionId ? <a href={`/executions/${q.executionId}?step=${encodeURIComponent(q.stepKey || "")}`}>execution</a> : null}
      {q.to ? <span>asked of {q.to}</span> : null}
      {q.entity && q.kind !== "REMEDY" ? <span>asked by <code>{q.entity}</code></span> : null}
      {q.createdAt ? <span><bb-ago value={q.createdAt} /></span> : null}
      {q.expiresAt ? <span className="left"><Icon name="timer" /> lapses in <bb-left until={q.expiresAt} /></span> : null}
    </p>
  );
}

function Decided({ q }) {
  return (
    <p className="question-decided" data-status={q.status}>
      <Icon name={["REJECTED", "EXPIRED", "WITHDRAWN"].includes(q.status) ? "circle-slash" : "circle-check"} />
      <span>{q.kind === "QUESTION" && q.status === "APPROVED" ? "Answered" : q.kind === "REMEDY" && q.status === "MODIFIED" ? "Tried again with changes" : ENDED[q.status] || "Decided"}{q.decidedBy ? ` by ${q.decidedBy}` : ""}{q.note ? `: “${q.note}”` : ""}</span>
    </p>
  );
}

/** One question to a person: what, why, with which arguments, and the answers to it. */
export function Question({ q, keys, current, onDecide, answer, canDecide = true, onModel }) {
  const id = useId();
  const [state, set] = useState("");
  const [given, setGiven] = useState(q.arguments);
  const [broken, setBroken] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => setBusy(false), [answer, q.status]);
  const open = q.status === "PENDING" && canDecide;
  const changed = JSON.stringify(given) !== JSON.stringify(q.arguments);
  const decide = (values) => {
    if (busy || !online()) return;
    setBusy(true);
    emit(onDecide, { id: q.id, ...values });
  };
  const send = {
    approve: () => (state === "modify" && changed ? decide({ verdict: "modify", arguments: given }) : decide({ verdict: "approve" })),
    choose: (action, more) => decide({ verdict: "choose", action, ...more }),
  };
  const change = (next) => {
    if (next === "") { setGiven(q.arguments); setBroken(false); }
    set(next);
  };
  const isTool = q.kind === "TOOL";
  const isAsked = q.kind === "QUESTION";
  const only = isAsked ? onlyChoice(q.answerSchema) : null;
  const known = q.choices?.length ? q.choices : Object.keys(CHOICES[q.kind] || {});
  const choices = known.filter((name) => name !== "edit").flatMap((name) => (name === "retry" && editable(q) ? [name, "edit"] : [name]));
  const first = q.kind === "REMEDY" && open ? firstOf(q, onModel) : null;
  // In the commit that paints it: a key that is pressed as soon as the question is seen counts.
  useLayoutEffect(() => {
    if (!keys || !open) return undefined;
    const onKey = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, [contenteditable], dialog")) return;
      const key = event.key.toLowerCase();
      // A call that must not be made twice is not decided by a slip of the finger.
      const nth = isTool || state || q.kind === "OUTCOME" ? -1 : Number(key) - 1;
      const picked = isAsked ? only?.enum[nth] : choices[nth];
      if (picked !== undefined) {
        if (isAsked) decide({ verdict: "answer", values: { [only.name]: picked } });
        else if (NEEDS_MORE.includes(picked)) change(picked);
        else send.choose(picked);
        event.preventDefault();
        return;
      }
      if (!isTool) return;
      if (key === "a" && !broken) send.approve();
      else if (key === "r") change("reject");
      else if (key === "m") change("modify");
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
  return (
    <article className="question" data-status={q.status} data-question={q.id} aria-current={current ? "true" : undefined} aria-labelledby={`${id}-title`}>
      <header>
        <span className="question-mark" aria-hidden="true"><Icon name={isTool ? "wrench" : isAsked || q.kind === "OUTCOME" ? "circle-help" : "triangle-alert"} /></span>
        <div><h3 id={`${id}-title`}>{title(q)}</h3><Where q={q} /></div>
      </header>
      {q.reason ? <p className="question-why"><Words text={q.reason} /></p> : null}
      {q.diagnosis?.cause ? <p className="question-why muted">{q.diagnosis.cause}</p> : null}
      {first && Object.keys(first).length ? <Repairs diagnosis={q.diagnosis} repairs={first} quiet /> : null}
      {q.goal ? <details className="question-goal"><summary>What the entity shall do</summary><p>{q.goal}</p></details> : null}
      {isAsked && !open && q.answer ? <div className="question-arguments"><Value value={q.answer} /></div> : null}
      {isTool ? (
        state === "modify" ? <ArgumentsForm id={id} value={given} onChange={setGiven} problem={setBroken} />
          : q.arguments && Object.keys(q.arguments).length ? <div className="question-arguments"><Value value={q.arguments} /></div> : <p className="muted">It takes no arguments.</p>
      ) : editable(q) && state !== "edit" ? (
        <div className="question-arguments"><p className="muted">It was given:</p><Value value={q.arguments.given} /></div>
      ) : q.kind === "OUTCOME" && q.arguments !== null && q.arguments !== undefined ? (
        <div className="question-arguments"><p className="muted">It was given:</p><Value value={q.arguments} /></div>
      ) : null}
      {open ? (
        <>
          {isTool ? <ToolButtons {...{ state, busy, send, keys, changed, broken }} set={change} />
            : isAsked ? (state ? null : only ? <AnswerButtons {...{ only, busy, keys }} onSend={(values) => decide({ verdict: "answer", values })} onReject={() => change("reject")} /> : <AnswerForm {...{ q, id, busy }} onSend={(values) => decide({ verdict: "answer", values })} onReject={() => change("reject")} />)
              : <ChoiceButtons {...{ q, choices, state, busy, send, keys }} set={change} />}
          {state === "reject" ? <Extra id={id} kind="reject" onClose={() => change("")} onSend={({ note }) => decide({ verdict: "reject", note })} /> : null}
          {state === "edit" ? <Edit {...{ id, q, busy }} onClose={() => change("")} onSend={(value) => decide({ verdict: "modify", arguments: value })} /> : null}
          {NEEDS_VALUE.includes(state) ? <Extra id={id} kind="value" onClose={() => change("")} onSend={({ value }) => send.choose(state, { value })} /> : null}
        </>
      ) : q.status === "PENDING" ? <p className="muted">Your role may not decide this.</p> : <Decided q={q} />}
    </article>
  );
}
