import { useEffect, useState } from "react";
import { Icon } from "../lib/Icon.jsx";
import { LABELS, cost, duration, tokens } from "../lib/format.js";
import { Failure } from "./Failure.jsx";
import { LiveText } from "./LiveText.jsx";
import { StepIcon } from "./StepIcon.jsx";
import { spent } from "./StepCard.jsx";
import { Copy, Value, asText } from "./Value.jsx";

const NAMES = { output: "Output", input: "Input", error: "Error", facts: "Model" };

function Tabs({ tabs, tab, onTab }) {
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    onTab(next);
    event.currentTarget.querySelector(`#tab-${next}`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label="Parts of the step" onKeyDown={move}>
      {tabs.map((name) => (
        <button key={name} id={`tab-${name}`} type="button" role="tab" aria-selected={tab === name} aria-controls="tab-body"
          tabIndex={tab === name ? 0 : -1} onClick={() => onTab(name)} data-offline-ok>{NAMES[name]}</button>
      ))}
    </div>
  );
}

function Row({ name, children }) {
  if (children === null || children === undefined || children === "") return null;
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

function Facts({ step }) {
  const used = step.usage || {};
  return (
    <dl className="facts">
      <Row name="Model">{step.model || step.requestedModel}</Row>
      {step.requestedModel && step.model && step.requestedModel !== step.model ? <Row name="Asked for">{step.requestedModel}</Row> : null}
      <Row name="Provider">{step.provider}</Row>
      <Row name="Input tokens">{tokens(used.inputTokens)}</Row>
      <Row name="Output tokens">{tokens(used.outputTokens)}</Row>
      <Row name="Cost">{used.cost !== undefined && used.cost !== null ? `${used.estimated ? "≈ " : ""}${cost(used.cost)}` : null}</Row>
      <Row name="First token after">{duration(step.ttftMs)}</Row>
      <Row name="Time">{duration(spent(step))}</Row>
      <Row name="Attempts">{step.attempt > 1 ? step.attempt : null}</Row>
      <Row name="Taken over">{step.reused ? "Yes, from an earlier attempt" : null}</Row>
      <Row name="Key"><code>{step.key}</code></Row>
    </dl>
  );
}

function tabsOf(step) {
  const tabs = [];
  if (step.error) tabs.push("error");
  tabs.push("output");
  if (step.input !== null && step.input !== undefined) tabs.push("input");
  if (!step.whole) tabs.push("facts");
  return tabs;
}

function Reasoning({ text }) {
  return text ? <details className="reasoning"><summary>What the model thought first</summary><p>{text}</p></details> : null;
}

function Body({ step, tab, raw }) {
  const active = step.status === "RUNNING";
  if (tab === "error") return <Failure error={step.error} />;
  if (tab === "facts") return <Facts step={step} />;
  if (tab === "input") return <Value value={step.input} raw={raw} />;
  if (active && step.text) return <LiveText text={step.text} active label={`Text of ${step.name}`} />;
  if (active) return <div className="thinking"><i /><i /><i /><span>{step.whole ? "Working" : "Waiting for the first words"}</span></div>;
  if (step.status === "PENDING") return <p className="muted">Not started yet.</p>;
  if (step.status === "SKIPPED") return <p className="muted">Skipped, because a step before it ended the chain.</p>;
  const value = step.output ?? (step.text || null);
  if (value === null && step.error) return <p className="muted">No output: the step failed.</p>;
  return <Value value={value} raw={raw} />;
}

/** What one step got, made and cost. */
export function StepDetail({ step, tab: wanted, onTab }) {
  const tabs = tabsOf(step);
  const tab = tabs.includes(wanted) ? wanted : tabs[0];
  const [raw, setRaw] = useState(false);
  useEffect(() => setRaw(false), [step.key]);
  const value = tab === "input" ? step.input : tab === "output" ? step.output ?? step.text : null;
  return (
    <section className="panel detail" aria-label={`Details of ${step.name}`}>
      <header className="panel-head">
        <StepIcon type={step.type} />
        <h2>{step.name}</h2>
        <span className="pill" data-status={step.status}>{LABELS[step.status] || step.status}</span>
        <span className="spacer" />
        {value ? (
          <>
            <button type="button" className="button small quiet" aria-pressed={raw} onClick={() => setRaw(!raw)} data-offline-ok>
              <Icon name="code-xml" /> Raw
            </button>
            <Copy text={asText(value)} />
          </>
        ) : null}
      </header>
      <Tabs tabs={tabs} tab={tab} onTab={onTab} />
      <div className="detail-body" id="tab-body" role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
        {tab === "output" ? <Reasoning text={step.reasoning} /> : null}
        <Body step={step} tab={tab} raw={raw} />
      </div>
    </section>
  );
}
