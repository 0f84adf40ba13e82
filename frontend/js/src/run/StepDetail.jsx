import { useEffect, useState } from "react";
import { Icon } from "../lib/Icon.jsx";
import { LABELS, cost, duration, pace, tokens } from "../lib/format.js";
import { Words } from "../lib/Words.jsx";
import { Calls } from "./Calls.jsx";
import { Failure } from "./Failure.jsx";
import { largeOf } from "./Large.jsx";
import { LiveText } from "./LiveText.jsx";
import { StepIcon } from "./StepIcon.jsx";
import { spent } from "./StepCard.jsx";
import { Copy, Value, asText } from "./Value.jsx";
import { sayingOf } from "./waits.js";

const NAMES = { output: "Output", input: "Input", error: "Error", facts: "Model", calls: "Calls", story: "Story" };
const isTool = (step) => ["tool", "use"].includes(String(step.type || "").toLowerCase());
const nameOf = (tab, step) => (isTool(step) ? { output: "Result", input: "Arguments", facts: "Call" }[tab] : null) || (tab === "facts" && step.type !== "entity" ? "Facts" : NAMES[tab]);

function Tabs({ step, tabs, tab, onTab }) {
  const move = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
    onTab(next);
    event.currentTarget.querySelector(`#tab-${next}`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label="Parts of the step" onKeyDown={move}>
      {tabs.map((name) => (
        <button key={name} id={`tab-${name}`} type="button" role="tab" aria-selected={tab === name} aria-controls="tab-body"
          tabIndex={tab === name ? 0 : -1} onClick={() => onTab(name)} data-offline-ok>{nameOf(name, step)}</button>
      ))}
    </div>
  );
}

function Row({ name, children }) {
  if (children === null || children === undefined || children === "") return null;
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

const some = (count) => (Number(count) ? tokens(count) : null);

function Facts({ step }) {
  const used = step.usage || {};
  const entity = step.type === "entity";
  return (
    <dl className="facts">
      <Row name="Model">{step.model || step.requestedModel}</Row>
      {step.requestedModel && step.model && !step.requestedModel.endsWith(step.model) ? <Row name="Asked for">{step.requestedModel}</Row> : null}
      <Row name="Provider">{step.provider}</Row>
      {entity ? <Row name="Input tokens">{tokens(used.inputTokens)}</Row> : null}
      {entity ? <Row name="Output tokens">{tokens(used.outputTokens)}</Row> : null}
      <Row name="From the provider's cache">{some(step.cachedTokens)}</Row>
      <Row name="Into the provider's cache">{some(step.cacheWriteTokens)}</Row>
      <Row name="Thought">{some(step.reasoningTokens)}</Row>
      <Row name="Tokens a second">{step.tokensPerSecond ? pace(step.tokensPerSecond) : null}</Row>
      <Row name="Asked again">{step.repairs ? `${step.repairs === 1 ? "Once" : `${step.repairs} times`}, since the answer did not fit` : null}</Row>
      <Row name="Remarks">{step.issues?.length ? <ul className="issues">{step.issues.map((one, i) => <li key={i}>{one.path?.length ? <code>{one.path.join(".")}</code> : null} {one.message}</li>)}</ul> : null}</Row>
      {entity || used.cost ? <Row name="Cost">{used.unpriced ? "No price is known for this model" : used.cost !== undefined && used.cost !== null ? `${used.estimated ? "≈ " : ""}${cost(used.cost)}` : null}</Row> : null}
      <Row name="First token after">{duration(step.ttftMs)}</Row>
      <Row name="Time">{duration(spent(step))}</Row>
      <Row name="Tries">{step.tryNumber > 1 ? step.tryNumber : null}</Row>
      <Row name="Taken over">{step.reused ? (step.edited ? "Edited by hand, no cost" : "Reused from the earlier execution, no cost") : null}</Row>
      <Row name="After the failure">{step.handled ? `on_error: ${step.handled}` : null}</Row>
      <Row name="Key"><code>{step.key}</code></Row>
    </dl>
  );
}

function tabsOf(step, executionId) {
  const tabs = [];
  if (step.error) tabs.push("error");
  tabs.push("output");
  if (step.input !== null && step.input !== undefined) tabs.push("input");
  if (!step.whole) tabs.push("facts");
  if (executionId && step.type === "entity" && step.status !== "PENDING" && step.status !== "SKIPPED") tabs.push("calls");
  if (step.story?.length) tabs.push("story");
  return tabs;
}

function Reasoning({ text }) {
  return text ? <details className="reasoning"><summary>What the model thought first</summary><p>{text}</p></details> : null;
}

/** What happened on the way: waits, other models, refused calls, repairs. */
function Story({ story }) {
  return (
    <ol className="story">
      {story.map((part, i) => <li key={i}><time className="num" dateTime={part.at}>{new Date(part.at).toLocaleTimeString("en-GB")}</time><span><Words text={part.text} /></span></li>)}
    </ol>
  );
}

const FREE = { cache: "from the cache, no cost", recorded: "from the recording, no cost" };
const SKIPPED = "Skipped: a condition before it said so, or the chain had ended.";

function Body({ step, tab, raw, repairs, executionId }) {
  const active = step.status === "RUNNING";
  if (tab === "error") return <Failure error={step.error} repairs={repairs} />;
  if (tab === "facts") return <Facts step={step} />;
  if (tab === "calls") return <Calls executionId={executionId} step={step} />;
  if (tab === "story") return <Story story={step.story} />;
  if (tab === "input") return <Value value={step.input} raw={raw} />;
  if (active && step.text) return <LiveText text={step.text} active label={`Text of ${step.name}`} />;
  if (active) return <div className="thinking"><i /><i /><i /><span>{step.whole || isTool(step) ? "Working" : "Waiting for the first words"}</span></div>;
  if (step.status === "PENDING") return <p className="muted">Not started yet.</p>;
  if (["WAITING", "PAUSED"].includes(step.status) && !step.text) return <p className="muted">{sayingOf(step)}</p>;
  if (step.status === "SKIPPED") return <p className="muted">{SKIPPED}</p>;
  const value = step.output ?? (step.text || null);
  if (value === null && step.error) return <p className="muted">No output: the step failed.</p>;
  return <Value value={value} raw={raw} />;
}

function Child({ child }) {
  if (!child) return null;
  return <p className="step-child"><Icon name="bot" /><span>Started <a href={`/executions/${child.id}`}>{child.name || "another bot"}</a>, an execution of its own.</span></p>;
}

/** What one step got, made and cost. */
export function StepDetail({ step, place, tab: wanted, onTab, onRerun, onModify, repairs, executionId }) {
  const tabs = tabsOf(step, executionId);
  const tab = tabs.includes(wanted) ? wanted : tabs[0];
  const [raw, setRaw] = useState(false);
  useEffect(() => setRaw(false), [step.key]);
  const value = tab === "input" ? step.input : tab === "output" ? step.output ?? step.text : null;
  return (
    <section className="panel detail" aria-label={`Details of ${step.name}${place ? `, ${place}` : ""}`}>
      <header className="panel-head">
        <StepIcon type={step.type} />
        <h2>{step.name}{place ? <small className="place"> {place}</small> : null}</h2>
        <span className="pill" data-status={step.status}>{LABELS[step.status] || step.status}</span>
        <span className="spacer" />
        {value && !largeOf(value) ? (
          <>
            <button type="button" className="button small quiet" aria-pressed={raw} onClick={() => setRaw(!raw)} data-offline-ok>
              <Icon name="code-xml" /> Raw
            </button>
            <Copy text={asText(value)} />
          </>
        ) : null}
      </header>
      {step.reused || step.source || step.modified || onRerun || onModify ? (
        <div className="step-strip">
          {step.source && step.source !== "live" ? <span className="chip reused">{FREE[step.source] || step.source}</span> : null}
          {step.reused ? <span className="chip reused">{step.edited ? "edited, no cost" : "reused, no cost"}</span> : null}
          {step.modified ? <span className="chip modified" title="For this execution only; the bot stays as it is">modified: {step.modified.join(", ")}</span> : null}
          <span className="spacer" />
          {onModify ? <button type="button" className="button small" onClick={onModify} title="For the rest of this execution; the bot stays as it is"><Icon name="pen-line" /> Change for this run</button> : null}
          {onRerun ? <button type="button" className="button small" onClick={onRerun} title="A new execution that begins here and takes over what stands before"><Icon name="fast-forward" /> Rerun from here</button> : null}
        </div>
      ) : null}
      <Child child={step.child} />
      <Tabs step={step} tabs={tabs} tab={tab} onTab={onTab} />
      <div className="detail-body" id="tab-body" role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
        {tab === "output" ? <Reasoning text={step.reasoning} /> : null}
        <Body step={step} tab={tab} raw={raw} repairs={repairs} executionId={executionId} />
      </div>
    </section>
  );
}
