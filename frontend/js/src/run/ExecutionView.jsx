import { Fragment, useEffect, useMemo, useReducer, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { useChanges } from "../lib/changes.js";
import { usePress } from "../lib/press.js";
import { Icon } from "../lib/Icon.jsx";
import { LABELS, cost, duration, isFinal, tokens } from "../lib/format.js";
import { useRun } from "./useRun.js";
import { Past, isLeaf, rows, totals } from "./fold.js";
import { Controls } from "./Controls.jsx";
import { Failure } from "./Failure.jsx";
import { above, innerOf, kinTotals } from "./Nested.jsx";
import { Question } from "./Question.jsx";
import { labelOf, wholePlaceOf } from "./places.js";
import { failedStep, givenUp, repairsOf } from "./repairs.js";
import { RerunDialog } from "./RerunDialog.jsx";
import { Scrubber } from "./Scrubber.jsx";
import { StepDetail } from "./StepDetail.jsx";
import { Waiting } from "./Waiting.jsx";
import { Waterfall } from "./Waterfall.jsx";
import { spent } from "./StepCard.jsx";

const TRIGGERS = { MANUAL: "By hand", API: "API", SCHEDULE: "Schedule", WEBHOOK: "Webhook", COMPLETION: "Completion",
  EVENT: "Event", RERUN: "Rerun", CHAT: "Chat", PARENT: "Another bot", MCP: "MCP", DATABASE: "Database" };

const fromUrl = (name) => new URLSearchParams(location.search).get(name);
function toUrl(values) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value); else query.delete(name);
  }
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
}

function Fact({ name, children }) {
  return <div><dt>{name}</dt><dd className="num">{children}</dd></div>;
}

function Facts({ run, facts, at, kin }) {
  const sum = totals(run);
  const below = kinTotals(facts, kin);
  const final = isFinal(run.status);
  const queued = run.startedAt ? Math.max(0, new Date(run.startedAt) - new Date(run.createdAt)) : null;
  const until = at ? duration(spent(run, new Date(at).getTime())) || "0 ms" : null;
  return (
    <dl className="fact-strip">
      <Fact name="Duration">{final ? duration(spent(run)) || "0 ms" : until ?? (run.startedAt ? <bb-elapsed since={run.startedAt} /> : "…")}</Fact>
      <Fact name="Queued">{queued !== null ? duration(queued) : at ? "…" : <bb-elapsed since={run.createdAt} />}</Fact>
      <Fact name="Tokens">{tokens(sum.totalTokens || 0)}</Fact>
      <Fact name="Cost">{sum.estimated ? "≈ " : ""}{cost(sum.cost || "0")}{sum.unpriced ? <small className="unpriced" title="A model without a known price took part"> + unpriced</small> : null}</Fact>
      {below.count ? <Fact name={below.count === 1 ? "1 sub-bot" : `${below.count} sub-bots`}><span title={`${tokens(below.tokens)} tokens; not in the cost of this execution's own steps`}>+ {cost(below.cost || 0)}</span></Fact> : null}
      <Fact name="Started"><bb-ago value={run.startedAt || run.createdAt} /></Fact>
      <Fact name="Trigger">{TRIGGERS[facts.triggerKind] || facts.triggerKind}</Fact>
    </dl>
  );
}

function Compare({ facts, other, source }) {
  return <a className="compare" href={source ? `/executions/${other}/compare/${facts.id}` : `/executions/${facts.id}/compare/${other}`}><Icon name="git-compare" />Compare</a>;
}

/** Executions that this one comes from or led to. */
function Family({ facts }) {
  const from = facts.forkedFrom;
  const forks = facts.forks || [];
  if (!from && !forks.length) return null;
  return (
    <ul className="family">
      {from ? <li><Icon name="repeat" />Rerun of <a href={`/executions/${from.id}`}>an earlier execution</a>{facts.forkedFromStep ? <> from <code>{facts.forkedFromStep.split("/").pop()}</code></> : null}<Compare facts={facts} other={from.id} source /></li> : null}
      {forks.map((fork, i) => <li key={fork.id}><Icon name="git-branch" /><a href={`/executions/${fork.id}`}>Rerun {forks.length - i}</a><span className="pill" data-status={fork.status}>{LABELS[fork.status]}</span><Compare facts={facts} other={fork.id} /></li>)}
    </ul>
  );
}

function Head({ run, facts, past, children }) {
  const number = facts.version?.number;
  const bot = facts.bot;
  const parents = above(facts);
  return (
    <header className="page-head">
      <div>
        <nav className="crumbs" aria-label="Where this is"><a href="/executions">Executions</a><Icon name="chevron-right" />
          {parents.map((one) => <Fragment key={one.id}><a className="crumb-bot" href={`/executions/${one.id}`}>{one.bot?.name || "Deleted bot"}</a><Icon name="chevron-right" /></Fragment>)}
          <code>{facts.id}</code></nav>
        <h1>{bot ? <a href={`/bots/${bot.id}`}>{bot.name}</a> : "Deleted bot"}
          <span className="pill big" data-status={run.status}>{run.status === "RUNNING" && !past ? <i className="pulse" /> : null}{LABELS[run.status]}</span>
          {number ? <span className="chip">version {number}</span> : null}
          {parents.length ? <span className="chip" title="Started by another bot; at most five stand below each other"><Icon name="bot" />sub-bot, level {parents.length}</span> : null}
          {facts.mode === "DEMO" ? <span className="chip">demo</span> : null}
          {facts.mode === "RECORDED" ? <span className="chip" title={facts.recording ? `Replays “${facts.recording.name}”: nobody was asked` : "Replays a recording: nobody was asked"}>recorded{facts.recording ? `: ${facts.recording.name}` : ""}</span> : null}
          {past ? <span className="chip past">looking at the past</span> : null}
        </h1>
      </div>
      <div className="actions">{children}</div>
    </header>
  );
}

/** The step a reader most likely came for. */
function natural(run, list) {
  // What failed and was caught is not what somebody looks for in a run that ended well.
  if (run.status === "COMPLETED") return "";
  const failed = failedStep(run, list);
  if (failed) return failed.key;
  if (isFinal(run.status)) return "";
  const open = list.filter(({ step }) => isLeaf(step) && (step.status === "RUNNING" || step.status === "WAITING"));
  // Rather what the others wait for than what only waits with them.
  return (open.filter(({ step }) => !step.waits?.parked).at(-1) ?? open.at(-1))?.step.key
    ?? list.filter(({ step }) => isLeaf(step) && step.startedAt).at(-1)?.step.key ?? "";
}

/** Else it is asked by a bot that this one has started, at whatever depth. */
const asksItself = (q, run) => !q.executionId || q.executionId === run.id;

/** Questions as the events tell them, with what the server knows beyond that. */
function questionsOf(run, known) {
  const more = new Map((known || []).map((q) => [q.id, q]));
  for (const [id, q] of run.questions) more.set(id, { ...more.get(id), ...q, reason: q.reason ?? more.get(id)?.reason });
  return [...more.values()].filter((q) => q.status === "PENDING");
}

/** What the bots ask that this one has started is not told in its own events. */
function AskedBelow({ onAsked }) {
  useEffect(() => { emit(onAsked); }, []);
  useChanges(() => emit(onAsked), 1000);
  return null;
}

const URL_MS = 150;

/** The place goes into the address: the first at once, of those that follow quickly only the last.
 * Who has gone on to another page meanwhile, to the rerun for example, does not find it there. */
function usePlaceInUrl(setAt) {
  const timer = useRef(0);
  const latest = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (number) => {
    setAt(number);
    latest.current = { at: number };
    if (timer.current) return;
    const page = location.pathname;
    const write = () => {
      timer.current = 0;
      if (!latest.current || location.pathname !== page) return;
      toUrl(latest.current);
      latest.current = null;
      timer.current = setTimeout(write, URL_MS);
    };
    write();
  };
}

function usePast(run) {
  const [at, setAt] = useState(() => { const n = fromUrl("at"); return n === null ? null : Number(n); });
  const past = useRef(null);
  const events = run.events;
  if (past.current?.events !== events || past.current?.id !== run.id) {
    past.current = new Past(run, events);
    past.current.id = run.id;
  }
  const go = usePlaceInUrl(setAt);
  const wanted = at === null ? null : Math.min(at, events.length);
  const shown = useMemo(() => (wanted === null || !events.length ? null : past.current.at(wanted)), [wanted, events, events.length]);
  return { at: wanted, shown, go };
}

const wholeOf = ({ run, facts }) => ({ key: "", name: facts.bot?.name || "Whole execution", type: "result", whole: true, status: run.status, waits: run.waiting, error: run.error,
  input: run.input ?? facts.input, output: run.output, text: "", startedAt: run.startedAt, finishedAt: run.finishedAt });

/** One execution, live and afterwards, from the same events. */
export function ExecutionView(props) {
  const { execution, approvals, answer } = props;
  const { run: now, facts, trouble } = useRun(execution.id, execution, undefined, true);
  const [chosen, setChosen] = useState(fromUrl("step"));
  const [tab, setTab] = useState(fromUrl("tab"));
  const [dialog, setDialog] = useState(null);
  const kin = useRef(new Map());
  const [, changed] = useReducer((n) => n + 1, 0);
  const { at, shown, go } = usePast(now);
  const run = shown || now;
  const past = Boolean(shown);
  const list = rows(run);
  const selected = chosen ?? natural(run, list);
  const final = isFinal(now.status);
  const live = !final && !past;
  const can = { ...facts.viewerCan, ...(final && facts.status !== now.status ? { retry: true } : {}) };
  const mayModify = !final && !past && facts.viewerCan?.modify && facts.bot?.entities?.length > 0 && Boolean(props.onModify);
  const canRerun = final && !now.deleted && Boolean(props.onRerun) && can.retry !== false && !past;
  const whole = { key: "", name: "Whole execution", type: "result", whole: true, status: run.status, waits: run.waiting, error: run.error,
    input: past ? run.input : facts.input, output: run.output, text: "", startedAt: run.startedAt, finishedAt: run.finishedAt };
  const inner = innerOf(selected);
  const nested = inner ? kin.current.get(inner.executionId) : null;
  const step = nested ? nested.run.steps.get(inner.key) || wholeOf(nested) : run.steps.get(selected) || whole;
  const place = wholePlaceOf(nested?.run || run, step);
  const failed = failedStep(run, list);
  // Where its time was up or its worker was lost, the step that was broken off begins anew.
  const broken = failed || (run.error ? list.filter(({ step: s }) => s.status === "CANCELLED" && isLeaf(s)).at(-1)?.step : null);

  const select = (key) => { setChosen(key); toUrl({ step: key, tab: null }); setTab(null); };
  const pickTab = (name) => { setTab(name); toUrl({ tab: name }); };
  const press = usePress();
  const rerun = (values) => press(props.onRerun, "rerun", { fromStep: null, version: "SAME", ...values });
  const again = (mode) => press(props.onAgain, "again", { id: now.id, mode });
  const questions = past ? [] : questionsOf(now, approvals);
  const below = live && props.onAsked && list.some(({ step: s }) => s.child && (s.status === "RUNNING" || s.status === "WAITING"));
  const asking = questions.map((q) => q.id).join();
  useEffect(() => { if (asking && props.onAsked) emit(props.onAsked); }, [asking]);
  useEffect(() => { setDialog(null); }, [answer, execution.id]);
  const repairs = (of, error) => (canRerun ? repairsOf({ run, step: of, error, facts, rerun, open: setDialog }) : null);
  const picked = (id, known) => { kin.current.set(id, known); changed(); };
  const eligible = list.map((row) => row.step).filter((s) => ["COMPLETED", "FAILED"].includes(s.status) || s === broken);
  const lost = canRerun ? givenUp(run, list) : [];
  const steps = list.map((row) => row.step);
  return (
    <div className="execution" data-seq={now.lastSeq} data-status={run.status} data-past={past ? "yes" : undefined}>
      <Head run={run} facts={facts} past={past}>
        {facts.bot ? <a className="button" href={`/bots/${facts.bot.id}`}><Icon name="code-xml" /> Open bot</a> : null}
        {past || now.deleted ? null : <Controls run={now} can={can} onControl={(action) => emit(props.onControl, { action })}
          onRetry={canRerun ? () => rerun({}) : undefined} onRerun={canRerun && eligible.length ? () => setDialog({ step: broken && eligible.includes(broken) ? broken : eligible.find(isLeaf) || eligible[0] }) : undefined}
          lost={lost.length} onLost={() => setDialog({ step: lost[0], onlyFailed: true })}
          onModify={mayModify ? () => emit(props.onModify, { entity: step.type === "entity" ? step.name : null }) : undefined} onAgain={() => again(facts.mode)}
          onReplay={props.onReplay ? () => press(props.onReplay, "replay") : undefined} onKeep={props.onKeep ? () => emit(props.onKeep) : undefined}
          onDelete={props.onDelete ? () => emit(props.onDelete) : undefined} />}
      </Head>
      {below ? <AskedBelow onAsked={props.onAsked} /> : null}
      <Family facts={facts} />
      <Facts run={run} facts={facts} at={past ? run.at : null} kin={kin.current} />
      {trouble ? <p className="note" role="alert"><Icon name="triangle-alert" /> {trouble} The page shows what was read so far.</p> : null}
      {past ? null : (
        <Waiting run={now} steps={steps} askedBelow={questions.some((q) => !asksItself(q, now))} busyBelow={[...kin.current.values()].some((one) => one.run.status === "RUNNING")} onSend={props.onSend ? (event) => emit(props.onSend, { event }) : undefined}>
          {questions.map((q, i) => (
            <Question key={q.id} q={asksItself(q, now) ? { ...q, bot: null, executionId: null, stepName: now.steps.has(q.stepKey) ? labelOf(now, now.steps.get(q.stepKey)) : undefined } : q} keys={i === 0} answer={answer}
              onDecide={props.onDecide} canDecide={Boolean(props.onDecide)}
              onModel={mayModify && asksItself(q, now) ? () => emit(props.onModify, { entity: now.steps.get(q.stepKey)?.name }) : undefined} />
          ))}
        </Waiting>
      )}
      {run.error ? <Failure error={{ ...run.error, diagnosis: run.error.diagnosis || failed?.error?.diagnosis }} where={failed && labelOf(run, failed)} onShow={failed ? () => select(failed.key) : undefined}
        repairs={past ? null : repairs(broken, run.error)} onDemo={past ? undefined : () => again("DEMO")} /> : null}
      <div className="split">
        <section className="panel" aria-label="Timeline">
          <header className="panel-head"><h2>Timeline</h2><span className="spacer" />
            {live && chosen !== null ? (
              <button type="button" className="button small quiet" onClick={() => { setChosen(null); toUrl({ step: null, tab: null }); }} data-offline-ok>
                <Icon name="activity" /> Follow live
              </button>
            ) : null}
            <span className="legend"><i className="q" /> queued <i className="t" /> first token <i className="w" /> work</span>
            {now.events.length && at === null ? (
              <button type="button" className="button small quiet" onClick={() => go(now.events.length)} title="Look at any moment of this execution; nothing is run" data-offline-ok><Icon name="history" /> Time travel</button>
            ) : null}
          </header>
          {at !== null && now.events.length ? <Scrubber executionId={now.id} mayMark={Boolean(can.retry || can.cancel)} onRerun={props.onRerun ? (fromSeq) => rerun({ fromSeq }) : undefined} events={now.events} at={at} zero={now.createdAt} onAt={go} onClose={() => go(null)} canRerun={final && can.retry !== false} pruned={now.pruned} /> : null}
          <Waterfall run={run} rows={list} selected={nested ? selected : step.key} onSelect={select} live={live} at={past ? run.at || run.createdAt : null} until={past ? now.finishedAt : null} kin={kin.current} onPicked={picked} />
        </section>
        <StepDetail step={step} place={place} tab={tab} onTab={pickTab} executionId={past || step.whole ? null : inner?.executionId ?? now.id} repairs={past || nested || step.whole || step.key === failed?.key ? null : repairs(step, step.error)}
          onModify={mayModify && !nested && step.type === "entity" ? () => emit(props.onModify, { entity: step.name }) : undefined}
          onRerun={canRerun && !nested && !step.whole && ["COMPLETED", "FAILED"].includes(step.status) ? () => setDialog({ step }) : undefined} />
      </div>
      {dialog ? <RerunDialog run={now} start={dialog.step} model={dialog.model} onlyFailed={dialog.onlyFailed} lost={lost.length} eligible={eligible} input={facts.input} version={dialog.version} onRerun={props.onRerun} onClose={() => setDialog(null)} answer={props.refused} /> : null}
    </div>
  );
}
