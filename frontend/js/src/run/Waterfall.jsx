import { Fragment, memo, useCallback, useEffect, useReducer, useRef, useState } from "react";
import { Icon, StatusMark } from "../lib/Icon.jsx";
import { LABELS, duration } from "../lib/format.js";
import { ChildLine } from "./Nested.jsx";
import { StepIcon } from "./StepIcon.jsx";
import { attemptsOf } from "./attempts.js";
import { placeOf } from "./places.js";
import { spent } from "./StepCard.jsx";

const ms = (text) => (text ? new Date(text).getTime() : null);

function ticks(total) {
  const rough = total / 4;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) || power;
  const out = [];
  for (let t = 0; t < total; t += step) out.push(t);
  return out;
}

function useClock(active) {
  const [, tick] = useReducer((n) => n + 1, 0);
  useEffect(() => {
    if (!active) return undefined;
    const timer = setInterval(tick, 250);
    return () => clearInterval(timer);
  }, [active]);
}

function spanOf(start, end, zero, total) {
  const left = Math.min(Math.max(((start - zero) / total) * 100, 0), 99.4);
  const width = Math.max(((end - start) / total) * 100, 0.6);
  return { left: `${left}%`, width: `${Math.min(width, 100 - left)}%` };
}

/** The wait for the first token, at the beginning of a bar. */
function First({ ttftMs, took }) {
  return ttftMs && took > 0 ? <i style={{ width: `${Math.min((ttftMs / took) * 100, 100)}%` }} /> : null;
}

function Bar({ step, zero, total, now, around }) {
  const start = ms(step.startedAt);
  if (start === null) return null;
  const end = ms(step.finishedAt) ?? now;
  return (
    <span className={around ? "bar around" : "bar"} data-status={step.status} data-reused={step.reused ? "yes" : undefined} style={spanOf(start, end, zero, total)}>
      {around ? null : <First ttftMs={step.ttftMs} took={end - start} />}
    </span>
  );
}

const ENDED = { COMPLETED: "answered after", FAILED: "failed after", CANCELLED: "broken off after", RUNNING: "running for", WAITING: "waiting for" };

function told(attempt, number, status, took) {
  const model = attempt.answeredBy && !attempt.model?.endsWith(attempt.answeredBy) ? attempt.answeredBy : attempt.model;
  return `Attempt ${number}${model ? `, ${model}` : ""}: ${ENDED[status]} ${duration(took)}${attempt.message ? `. ${attempt.message}` : ""}`;
}

/** A bar for each attempt; between two of them the step waited, or a tool worked. */
function Attempts({ attempts, step, zero, total, now }) {
  const last = ms(step.finishedAt) ?? now;
  return attempts.map((attempt, i) => {
    const start = ms(attempt.at);
    const end = ms(attempt.end) ?? last;
    // The next one is foreseen for later.
    if (start > end) return null;
    const status = attempt.outcome || (step.finishedAt ? "CANCELLED" : step.status);
    const words = told(attempt, i + 1, status, end - start);
    return (
      <span key={i} className="bar attempt" data-status={status} title={words} style={spanOf(start, end, zero, total)}>
        <First ttftMs={attempt.ttftMs} took={end - start} /><span className="visually-hidden">{words}. </span>
      </span>
    );
  });
}

function Track({ step, ...place }) {
  if (step.reused) return <small className="chip reused">{step.edited ? "edited, no cost" : "reused, no cost"}</small>;
  const attempts = attemptsOf(step);
  return <><Bar step={step} around={attempts.length > 0} {...place} /><Attempts attempts={attempts} step={step} {...place} /></>;
}

function move(event, onSelect) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const end = { Home: 0, End: -1 }[event.key];
  const all = [...event.currentTarget.querySelectorAll("[data-key]")];
  const at = all.indexOf(document.activeElement.closest("[data-key]"));
  const next = end !== undefined ? all.at(end) : by && at >= 0 ? all[at + by] : undefined;
  if (!next) return;
  event.preventDefault();
  onSelect(next.dataset.key);
  next.focus();
}

/** Where there is little room the number stays, without the words around it; the name of a branch may be cut. */
function Place({ place }) {
  if (!place) return null;
  const [, before, number, after] = /^([a-z]+ )?(\d+)( of \d+)?$/.exec(place) || [];
  return <small className="place num" data-counted={number ? "yes" : undefined}>{number ? <><span>{before}</span>{number}<span>{after}</span></> : place}</small>;
}

/** Painted again only when something of it changed: a long execution has thousands. */
const Row = memo(function Row({ step, place, itemKey, depth, current, zero, total, now, onSelect }) {
  return (
    <button type="button" className="wf-row" data-key={itemKey} onClick={() => onSelect(itemKey)} data-offline-ok
      aria-current={current ? "true" : undefined} tabIndex={current ? 0 : -1}>
      <span className="wf-name" title={place ? `${step.name}, ${place}` : undefined} style={{ "--depth": Math.min(depth, 8) }}>
        <StatusMark status={step.status} /><StepIcon type={step.type} />
        <span className="wf-label">{step.name}</span>
        <Place place={place} />
        {step.modified ? <small className="chip modified" title={`Modified for this execution: ${step.modified.join(", ")}`}><Icon name="pen-line" /><span className="visually-hidden">modified</span></small> : null}
        {step.tryNumber > 1 && !step.reused ? <small className="chip">try {step.tryNumber}</small> : null}
        <span className="visually-hidden">{LABELS[step.status]}</span>
      </span>
      <span className="wf-track"><Track step={step} zero={zero} total={total} now={now} /></span>
      <span className="wf-time num">{step.startedAt && !step.reused ? duration(spent(step, now)) : ""}</span>
    </button>
  );
});

const FEW = 3;
const CHUNK = 60;
const ROW_PX = 36;

/** Rows that are far from what is seen take their room and nothing else. */
function Chunk({ rows, near: first, paint }) {
  const box = useRef(null);
  const [near, setNear] = useState(first);
  useEffect(() => {
    const watch = new IntersectionObserver(([entry]) => setNear(entry.isIntersecting), { rootMargin: "800px" });
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return <div ref={box} style={{ minHeight: rows.length * ROW_PX }}>{near ? paint(rows) : null}</div>;
}

const chunks = (list) => Array.from({ length: Math.ceil(list.length / CHUNK) }, (_, i) => list.slice(i * CHUNK, (i + 1) * CHUNK));

/** Steps over time. Waiting before the start is drawn apart from work. */
export function Waterfall({ run, rows, selected, onSelect: pick, live, at, until, kin, onPicked }) {
  useClock(live);
  const latest = useRef(pick);
  latest.current = pick;
  const onSelect = useCallback((key) => latest.current(key), []);
  const [opened, setOpened] = useState({});
  const now = at ? ms(at) : Date.now();
  const zero = ms(run.createdAt);
  const end = ms(until) ?? ms(run.finishedAt) ?? Math.max(now, ...rows.map(({ step }) => (step.reused ? 0 : ms(step.finishedAt) ?? 0)));
  const total = Math.max(end - zero, 1);
  const queued = run.startedAt ? Math.max(0, ms(run.startedAt) - zero) : 0;
  const few = rows.filter(({ step }) => step.child).length <= FEW;
  const isOpen = (id) => opened[id] ?? (few || selected?.startsWith(`${id}|`));
  // Functions and no components of their own: a row keeps its element, and the focus, while it is painted again.
  const lineOf = (of, step, itemKey, depth) => <Row place={placeOf(of, step)} key={itemKey} zero={zero} total={total} now={step.startedAt && !step.finishedAt ? now : 0} current={selected === itemKey} onSelect={onSelect} step={step} itemKey={itemKey} depth={depth} />;
  const linesOf = (of, list, prefix, base) => (list.length <= 3 * CHUNK ? plainLines(of, list, prefix, base)
    : chunks(list).map((part, i) => <Chunk key={part[0].step.key} rows={part} near={i === 0} paint={(some) => plainLines(of, some, prefix, base)} />));
  const plainLines = (of, list, prefix, base) => list.map(({ step, depth }) => (
    <Fragment key={prefix + step.key}>
      {lineOf(of, step, prefix + step.key, base + depth)}
      {step.child ? (
        <ChildLine child={step.child} known={kin.get(step.child.id)} depth={base + depth} open={isOpen(step.child.id)} at={at} onPicked={onPicked}
          onToggle={() => setOpened({ ...opened, [step.child.id]: !isOpen(step.child.id) })} linesOf={linesOf} />
      ) : null}
    </Fragment>
  ));
  return (
    <div className="waterfall" role="group" aria-label="Steps over time" onKeyDown={(e) => move(e, onSelect)}>
      <div className="wf-axis" aria-hidden="true"><span /><div className="wf-track">
        {ticks(total).map((t) => <Fragment key={t}><i style={{ left: `${(t / total) * 100}%` }} /><b style={{ left: `${(t / total) * 100}%` }}>{t ? duration(t).replace(/\.0+ s$/, " s") : "0"}</b></Fragment>)}
      </div><span /></div>
      <button type="button" className="wf-row" data-key="" onClick={() => onSelect("")} data-offline-ok
        aria-current={selected === "" ? "true" : undefined} tabIndex={selected === "" || selected === null ? 0 : -1}>
        <span className="wf-name"><StatusMark status={run.status} /><span className="wf-label">Whole execution</span></span>
        <span className="wf-track">
          {queued > total * 0.004 ? <span className="bar queue" style={{ left: 0, width: `${(queued / total) * 100}%` }} title={`Waited ${duration(queued)}`} /> : null}
          <Bar step={{ ...run, startedAt: run.startedAt }} zero={zero} total={total} now={now} />
        </span>
        <span className="wf-time num">{duration(spent({ startedAt: run.startedAt, finishedAt: run.finishedAt }, now))}</span>
      </button>
      {linesOf(run, rows, "", 1)}
    </div>
  );
}
