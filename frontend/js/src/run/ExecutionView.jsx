import { useState } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";
import { LABELS, cost, duration, isFinal, tokens } from "../lib/format.js";
import { useRun } from "./useRun.js";
import { isLeaf, rows, totals } from "./fold.js";
import { Failure } from "./Failure.jsx";
import { StepDetail } from "./StepDetail.jsx";
import { Waterfall } from "./Waterfall.jsx";
import { spent } from "./StepCard.jsx";

const TRIGGERS = { MANUAL: "By hand", API: "API", SCHEDULE: "Schedule", WEBHOOK: "Webhook", COMPLETION: "Completion",
  EVENT: "Event", RERUN: "Run again", CHAT: "Chat", PARENT: "Another bot", MCP: "MCP", DATABASE: "Database" };

const fromUrl = (name) => new URLSearchParams(location.search).get(name);
function toUrl(values) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value) query.set(name, value); else query.delete(name);
  }
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
}

function Fact({ name, children }) {
  return <div><dt>{name}</dt><dd className="num">{children}</dd></div>;
}

function Facts({ run, facts }) {
  const sum = totals(run);
  const final = isFinal(run.status);
  const queued = run.startedAt ? Math.max(0, new Date(run.startedAt) - new Date(run.createdAt)) : null;
  return (
    <dl className="fact-strip">
      <Fact name="Duration">{final ? duration(spent(run)) || "0 ms" : run.startedAt ? <bb-elapsed since={run.startedAt} /> : "…"}</Fact>
      <Fact name="Queued">{queued === null ? <bb-elapsed since={run.createdAt} /> : duration(queued)}</Fact>
      <Fact name="Tokens">{tokens(sum.totalTokens || 0)}</Fact>
      <Fact name="Cost">{sum.estimated ? "≈ " : ""}{cost(sum.cost || "0")}</Fact>
      <Fact name="Started"><bb-ago value={run.startedAt || run.createdAt} /></Fact>
      <Fact name="Trigger">{TRIGGERS[facts.triggerKind] || facts.triggerKind}</Fact>
    </dl>
  );
}

function Head({ run, facts, onCancel, onAgain }) {
  const final = isFinal(run.status);
  const can = facts.viewerCan || {};
  const number = facts.version?.number;
  return (
    <header className="page-head">
      <div>
        <p className="crumbs"><a href="/executions">Executions</a><Icon name="chevron-right" /><code>{facts.id}</code></p>
        <h1><a href={`/bots/${facts.bot.id}`}>{facts.bot.name}</a>
          <span className="pill big" data-status={run.status}>{run.status === "RUNNING" ? <i className="pulse" /> : null}{LABELS[run.status]}</span>
          {number ? <span className="chip">version {number}</span> : null}
          {facts.mode === "DEMO" ? <span className="chip">demo</span> : null}
        </h1>
      </div>
      <div className="actions">
        {!final && can.cancel !== false ? <button type="button" className="button" onClick={onCancel}><Icon name="square" /> Cancel</button> : null}
        <a className="button" href={`/bots/${facts.bot.id}`}><Icon name="code-xml" /> Open bot</a>
        {final && can.retry !== false ? <button type="button" className="button primary" onClick={onAgain}><Icon name="rotate-cw" /> Run again</button> : null}
      </div>
    </header>
  );
}

/** The step a reader most likely came for. */
function natural(run, list) {
  const failed = list.filter(({ step }) => step.status === "FAILED");
  if (failed.length) return (failed.find(({ step }) => isLeaf(step)) || failed.at(-1)).step.key;
  if (isFinal(run.status)) return "";
  return list.filter(({ step }) => isLeaf(step) && step.status === "RUNNING").at(-1)?.step.key
    ?? list.filter(({ step }) => isLeaf(step) && step.startedAt).at(-1)?.step.key ?? "";
}

/** One execution, live and afterwards, from the same events. */
export function ExecutionView({ execution, onCancel, onAgain }) {
  const { run, facts, trouble } = useRun(execution.id, execution);
  const [chosen, setChosen] = useState(fromUrl("step"));
  const [tab, setTab] = useState(fromUrl("tab"));
  const list = rows(run);
  const selected = chosen ?? natural(run, list);
  const live = !isFinal(run.status);
  const whole = { key: "", name: "Whole execution", type: "result", whole: true, status: run.status, error: run.error,
    input: facts.input, output: run.output, text: "", startedAt: run.startedAt, finishedAt: run.finishedAt };
  const step = run.steps.get(selected) || whole;
  const failed = list.find(({ step: s }) => s.key === run.error?.stepKey)?.step
    || list.find(({ step: s }) => s.status === "FAILED" && isLeaf(s))?.step;

  const select = (key) => { setChosen(key); toUrl({ step: key, tab: null }); setTab(null); };
  const pickTab = (name) => { setTab(name); toUrl({ tab: name }); };
  return (
    <div className="execution" data-seq={run.lastSeq} data-status={run.status}>
      <Head run={run} facts={facts} onCancel={() => emit(onCancel, { id: run.id })} onAgain={() => emit(onAgain, { id: run.id })} />
      <Facts run={run} facts={facts} />
      {trouble ? <p className="note" role="alert"><Icon name="triangle-alert" /> {trouble} The page shows what was read so far.</p> : null}
      {run.error ? <Failure error={run.error} where={failed?.name} onShow={failed ? () => select(failed.key) : undefined}
        onDemo={() => emit(onAgain, { id: run.id, mode: "DEMO" })} /> : null}
      <div className="split">
        <section className="panel" aria-label="Timeline">
          <header className="panel-head"><h2>Timeline</h2><span className="spacer" />
            {live && chosen !== null ? (
              <button type="button" className="button small quiet" onClick={() => { setChosen(null); toUrl({ step: null, tab: null }); }} data-offline-ok>
                <Icon name="activity" /> Follow live
              </button>
            ) : null}
            <span className="legend"><i className="q" /> queued <i className="t" /> first token <i className="w" /> work</span>
          </header>
          <Waterfall run={run} rows={list} selected={step.key} onSelect={select} live={live} />
        </section>
        <StepDetail step={step} tab={tab} onTab={pickTab} />
      </div>
    </div>
  );
}
