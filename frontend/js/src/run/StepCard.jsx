import { useLayoutEffect, useRef, useState } from "react";
import { Icon, StatusMark } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";
import { cost, duration, pace, tokens } from "../lib/format.js";
import { LiveText } from "./LiveText.jsx";
import { Value } from "./Value.jsx";
import { sayingOf } from "./waits.js";

const SLACK = 40;

export function spent(step, now = Date.now()) {
  if (!step.startedAt) return null;
  const end = step.finishedAt ? new Date(step.finishedAt).getTime() : now;
  return step.durationMs ?? Math.max(0, end - new Date(step.startedAt).getTime());
}

function Facts({ step }) {
  const used = step.usage || {};
  const count = used.totalTokens ?? ((used.inputTokens || 0) + (used.outputTokens || 0) || null);
  return (
    <p className="step-facts">
      {step.model || step.requestedModel ? <span>{step.model || step.requestedModel}</span> : null}
      {step.source && step.source !== "live" ? <span>{step.source === "cache" ? "from the cache" : "recorded"}</span> : null}
      {count ? <span>{tokens(count)} tokens</span> : null}
      {duration(step.ttftMs) ? <span title="From the question to the first token of the answer">first token {duration(step.ttftMs)}</span> : null}
      {step.tokensPerSecond ? <span title="Tokens written in a second, from the first one on">{pace(step.tokensPerSecond)} tokens/s</span> : null}
      {used.cost !== undefined && used.cost !== null ? <span>{cost(used.cost)}</span> : null}
      {step.status === "WAITING" ? null : <span className="num">{step.status === "RUNNING" ? <bb-elapsed since={step.startedAt} /> : duration(spent(step))}</span>}
    </p>
  );
}

/** One step of a live run: who works, what it says so far, what it took. */
export function StepCard({ step, place, whole }) {
  const [open, setOpen] = useState(false);
  const [long, setLong] = useState(false);
  const body = useRef(null);
  const running = step.status === "RUNNING";
  const content = running ? step.text : step.output ?? step.text;
  // As tall as the box in which it was written, so that nothing jumps when the step ends.
  useLayoutEffect(() => {
    const limit = Math.min(320, window.innerHeight * 0.46);
    setLong(!whole && Boolean(body.current) && body.current.scrollHeight > limit + SLACK);
  }, [running, whole, content]);
  return (
    <article className="step-card" data-status={step.status} aria-label={`Step ${step.name}${place ? `, ${place}` : ""}`}>
      <header>
        <StatusMark status={step.status} />
        <h3>{step.name}{place ? <small className="place"> {place}</small> : null}</h3>
        <Facts step={step} />
      </header>
      {running && (step.note?.retryIn || step.note?.nextModel) ? (
        <p className="step-note">
          <Icon name="rotate-cw" /> <Words text={step.note.message} />{" "}
          {step.note.nextModel ? `Asking ${step.note.nextModel} instead.` : `Trying again in ${Math.ceil(step.note.retryIn)} s.`}
        </p>
      ) : null}
      {step.status === "WAITING" ? <p className="step-note"><Icon name="clock" /> {sayingOf(step)}</p> : null}
      {step.error ? <p className="step-error"><Words text={step.error.message} /></p> : null}
      {running && !step.text ? <div className="thinking"><i /><i /><i /><span className="visually-hidden">Waiting for the model</span></div> : null}
      {running && step.text ? <LiveText text={step.text} active label={`Text of ${step.name}`} /> : null}
      {!running && !step.error && content ? (
        <div className="step-body" ref={body} data-clipped={long && !open ? "yes" : undefined}><Value value={content} /></div>
      ) : null}
      {long ? (
        <button type="button" className="more" aria-expanded={open} onClick={() => setOpen(!open)} data-offline-ok>
          <Icon name="chevron-down" /> {open ? "Show less" : "Show all"}
        </button>
      ) : null}
    </article>
  );
}
