import { useEffect, useMemo, useState } from "react";
import { once } from "../lib/socket.js";
import { Icon } from "../lib/Icon.jsx";
import { LABELS, cost, isFinal } from "../lib/format.js";
import { Past, rows, totals } from "./fold.js";
import { useRun } from "./useRun.js";
import executionQuery from "../../../../graphql-schema/operations/execution.graphql";

/** A step inside a sub-bot's execution is chosen by both names. */
export const innerKey = (executionId, key) => `${executionId}|${key}`;
export const innerOf = (chosen) => {
  const at = chosen?.indexOf("|") ?? -1;
  return at > 0 ? { executionId: chosen.slice(0, at), key: chosen.slice(at + 1) } : null;
};

/** The execution as it stood at a moment of the one above it. */
function usePastOf(run, at) {
  const past = useMemo(() => (run.events?.length ? new Past(run, run.events) : null), [run, run.events, run.events?.length]);
  if (!at || !past) return run;
  const until = run.events.findIndex((event) => event.at > at);
  return past.at(until < 0 ? run.events.length : until);
}

function Inner({ snapshot, depth, at, onPicked, linesOf }) {
  const { run: now, facts, trouble } = useRun(snapshot.id, snapshot, undefined, true);
  const run = usePastOf(now, at);
  const list = rows(run);
  useEffect(() => onPicked(snapshot.id, { run, facts }), [run.lastSeq, run.status, facts, at, list.length]);
  return (
    <div className="wf-nested" role="group" aria-label={`Steps of ${facts.bot?.name || "another bot"}`} data-execution={snapshot.id} data-status={run.status}>
      {linesOf(run, list, innerKey(snapshot.id, ""), depth + 1)}
      {trouble ? <p className="wf-note" role="alert">{trouble}</p> : null}
    </div>
  );
}

/** The timeline of an execution that a step started, in the timeline of the one that started it. */
function Nested({ child, ...rest }) {
  const [found, setFound] = useState(undefined);
  useEffect(() => {
    let left = false;
    once(executionQuery, { id: child.id })
      .then((data) => { if (!left) setFound(data?.execution ?? null); })
      .catch((error) => { if (!left) setFound({ problem: error.message }); });
    return () => { left = true; };
  }, [child.id]);
  if (found === undefined) return <p className="wf-note">Reading its steps…</p>;
  if (found === null) return <p className="wf-note">It was deleted, by the retention of its bot or by somebody.</p>;
  if (found.problem) return <p className="wf-note" role="alert">{found.problem}</p>;
  return <Inner snapshot={found} {...rest} />;
}

/** The line below a step that started another bot: opens its timeline here, or goes to its own page. */
export function ChildLine({ child, known, depth, open, onToggle, ...rest }) {
  const name = child.name || known?.facts?.bot?.name || "another bot";
  const status = known?.run.status;
  const sum = known ? totals(known.run) : null;
  return (
    <>
      <div className="wf-child" style={{ "--depth": Math.min(depth + 1, 8) }}>
        <button type="button" className="wf-toggle" aria-expanded={open} onClick={onToggle} data-offline-ok>
          <Icon name="chevron-right" /><Icon name="bot" /><span>{name}</span><span className="visually-hidden">: its own steps</span>
        </button>
        {status ? <span className="pill" data-status={status}>{!isFinal(status) && status === "RUNNING" ? <i className="pulse" /> : null}{LABELS[status]}</span> : null}
        {sum && Number(sum.cost) ? <small className="num muted">{cost(sum.cost)}</small> : null}
        <a href={`/executions/${child.id}`} title={`Go to the execution of ${name}`}>Open</a>
      </div>
      {open ? <Nested child={child} depth={depth} {...rest} /> : null}
    </>
  );
}

/** Executions above this one, the outermost first. */
export function above(facts) {
  const found = [];
  for (let one = facts.parent; one; one = one.parent) found.unshift(one);
  return found;
}

/** What the executions that this one started used (not those of steps that were taken over), as far as it is known: live ones from their events. */
export function kinTotals(facts, kin) {
  const steps = (facts.steps || []).filter((step) => step.child);
  const takenOver = new Set(steps.filter((step) => step.reused).map((step) => step.child.id));
  const list = new Map(steps.map((step) => [step.child.id, step.child.usage]));
  for (const [id, { run }] of kin) list.set(id, totals(run));
  for (const id of takenOver) list.delete(id);
  const sum = [...list.values()].reduce((all, used) => ({ cost: all.cost + Number(used?.cost || 0), tokens: all.tokens + Number(used?.totalTokens || 0) }), { cost: 0, tokens: 0 });
  return { count: list.size, ...sum };
}
