import { useEffect, useMemo, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { desk } from "../lib/desk.js";
import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";
import { ago } from "../lib/format.js";
import { Difference } from "../bots/Difference.jsx";
import { BalEditor } from "./BalEditor.jsx";

const SAVE_TEXT = { saved: "Saved", saving: "Saving", conflict: "Conflict", failed: "Not saved", read: "Read only" };

function Problems({ items, onJump }) {
  const errors = items.filter((d) => d.severity === "ERROR").length;
  if (!items.length) {
    return <p className="problems-none"><Icon name="circle-check" /> No problems</p>;
  }
  const words = [errors && `${errors} error${errors > 1 ? "s" : ""}`,
    items.length - errors && `${items.length - errors} warning${items.length - errors > 1 ? "s" : ""}`];
  return (
    <details className="problems" open>
      <summary><Icon name="chevron-right" />{words.filter(Boolean).join(", ")}</summary>
      <ul>
        {items.map((d, i) => (
          <li key={i}>
            <button type="button" data-offline-ok data-severity={d.severity} onClick={() => onJump(d.line, d.column)}>
              <Icon name={d.severity === "ERROR" ? "circle-x" : "triangle-alert"} />
              <code className="place">{d.line}:{d.column}</code>
              <span><Words text={d.message} />{d.hint ? <small><Words text={d.hint} /></small> : null}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Conflict({ told, wanted, onTake, onKeep }) {
  const [looking, setLooking] = useState(null);
  const who = told?.by || "Somebody else";
  const when = told?.at ? ` ${ago(new Date(told.at))}` : "";
  return (
    <div className="conflict" role="alert">
      <Icon name="triangle-alert" />
      <p><strong>{who} changed this bot{when}.</strong> Your text is still here and not saved. Whatever you choose, undo brings the other text back.</p>
      <button type="button" className="button small quiet" onClick={() => setLooking(wanted())}>See the difference</button>
      <button type="button" className="button small" onClick={onTake}>Take theirs</button>
      <button type="button" className="button small primary" onClick={onKeep}>Keep mine</button>
      {looking ? <Compared wanted={looking} who={who} onClose={() => setLooking(null)} onTake={onTake} onKeep={onKeep} /> : null}
    </div>
  );
}

function Compared({ wanted, who, onClose, onTake, onKeep }) {
  const box = useRef(null);
  useEffect(() => { box.current?.showModal(); }, []);
  const choose = (act) => () => { box.current.close(); act(); };
  return (
    <dialog ref={box} className="dialog huge" aria-label="The difference" onClose={onClose} onClick={(e) => { if (e.target === box.current) box.current.close(); }}>
      <header><h2>From the saved text of {who} to yours</h2>
        <button type="button" className="icon-button" aria-label="Close" onClick={() => box.current.close()}><Icon name="x" /></button></header>
      <div className="dialog-body"><Difference wanted={wanted} /></div>
      <footer>
        <button type="button" className="button" onClick={choose(onTake)}>Take theirs</button>
        <button type="button" className="button primary" onClick={choose(onKeep)}>Keep mine</button>
      </footer>
    </dialog>
  );
}

function Diagram({ steps }) {
  if (!steps || steps.length < 2) return null;
  return (
    <ol className="flow" aria-label="Steps of the bot">
      {steps.map((s, i) => (
        <li key={i} data-kind={s.kind}>
          {s.branches ? (
            <ul className="flow-branches">{s.branches.map((b, j) => <li key={j} data-kind={b.kind}>{b.name}</li>)}</ul>
          ) : s.name}
        </li>
      ))}
    </ol>
  );
}

/** The text of a bot: editor, marks, problems and whether it is saved. */
export function Studio(props) {
  const { botId, source, rev, base, quiet, session, checked, saved, steps, canEdit, flow } = props;
  const handlers = useRef(props);
  handlers.current = props;
  const editor = useRef(null);
  const text = useRef(source);
  const seq = useRef(0);
  const timer = useRef(0);
  const stepping = useRef(null);
  const [here, setHere] = useState({ undo: false, redo: false });
  const [, redraw] = useState(0);

  const send = () => {
    clearTimeout(timer.current);
    timer.current = 0;
    emit(handlers.current.onText, { text: text.current, seq: seq.current, stepping: stepping.current === true });
    stepping.current = null;
  };
  const changed = (next, stepped, depth) => {
    setHere((old) => (old.undo === depth.undo && old.redo === depth.redo ? old : depth));
    if (next === text.current) return;
    stepping.current = stepped && stepping.current !== false;
    text.current = next;
    seq.current += 1;
    redraw(seq.current);
    clearTimeout(timer.current);
    timer.current = setTimeout(send, 250);
  };
  const flush = () => { if (timer.current) send(); };
  const step = (handler) => () => {
    flush();
    emit(handler(), { text: text.current, seq: seq.current });
  };

  useEffect(() => {
    desk.setEditor({ draft: () => ({ text: text.current, seq: seq.current }), flush });
    window.addEventListener("pagehide", flush);
    return () => {
      window.removeEventListener("pagehide", flush);
      flush();
      desk.setEditor(null);
    };
  }, []);
  // A restarted server has forgotten what was typed: a new session means say it again.
  const known = useRef(session);
  useEffect(() => {
    if (known.current === session) return;
    known.current = session;
    if (seq.current > 0) { seq.current += 1; redraw(seq.current); send(); }
  }, [session]);
  // Text of the server is taken unless something was typed after it was asked for.
  const fresh = base === null || base === undefined || base === seq.current;
  const now = seq.current;
  const marks = useMemo(() => (checked && checked.seq >= now ? checked.items : undefined), [checked, now]);
  const items = checked?.items || [];
  const state = !canEdit ? "read" : saved.state === "conflict" ? "conflict"
    : saved.seq >= now ? saved.state : "saving";
  return (
    <section className="panel studio" aria-label="Text of the bot">
      <header className="panel-head">
        <h2>BAL</h2>
        <span className="save-state" data-state={state} role="status">
          <Icon name={state === "saved" ? "check" : state === "conflict" || state === "failed" ? "triangle-alert" : "circle"} />
          {SAVE_TEXT[state]}
        </span>
        <span className="spacer" />
        <button type="button" className="icon-button" aria-label="Undo" title="Undo (Ctrl Z)" disabled={!canEdit || !(here.undo || steps?.undo)}
          onClick={() => editor.current.undo()}><Icon name="undo-2" /></button>
        <button type="button" className="icon-button" aria-label="Redo" title="Redo (Ctrl Y)" disabled={!canEdit || !(here.redo || steps?.redo)}
          onClick={() => editor.current.redo()}><Icon name="redo-2" /></button>
        <button type="button" className="button small quiet" onClick={() => emit(props.onFormat, { text: text.current, seq: seq.current })}
          disabled={!canEdit} title="Alt Shift F"><Icon name="wand-sparkles" /> Format</button>
      </header>
      {state === "conflict" ? <Conflict told={saved.told} wanted={() => ({ botId, newSource: text.current })} onTake={() => emit(props.onTake)} onKeep={() => emit(props.onKeep, { text: text.current, seq: seq.current })} /> : null}
      <Diagram steps={flow} />
      <BalEditor text={source} rev={fresh ? rev : undefined} quiet={quiet} diagnostics={marks} api={editor} onText={changed} readOnly={!canEdit} onSave={send}
        onUndo={step(() => handlers.current.onUndo)} onRedo={step(() => handlers.current.onRedo)}
        onRun={() => desk.run()} onFormat={() => emit(props.onFormat, { text: text.current, seq: seq.current })} />
      <footer className="panel-foot"><Problems items={items} onJump={(l, c) => editor.current.jump(l, c)} /></footer>
    </section>
  );
}
