import { useEffect, useState } from "react";
import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";
import { cost, duration, tokens } from "../lib/format.js";
import { once } from "../lib/socket.js";
import { Copy } from "./Value.jsx";
import callsQuery from "../../../../graphql-schema/operations/step_calls.graphql";

const PARTS = ["system", "memory", "tools", "history", "context", "input"];
const NAMES = { system: "System", memory: "Memory", tools: "Tools", history: "History", context: "Context", input: "Input", trimmed: "Left out" };
const SOURCES = { cache: "from the cache, no cost", recorded: "from the recording, no cost" };
const CHAINS = { workspace: "the workspace's fallbacks", bot: "the bot's fallbacks" };
const ROLES = { system: "System", user: "User", assistant: "Assistant", tool: "Tool result" };

/** What filled a call, by share of its tokens; what was left out stands behind it. */
export function TokenBar({ parts, leftOut }) {
  const trimmed = (leftOut || []).reduce((sum, one) => sum + one.tokens, 0);
  const shown = [...PARTS.filter((name) => parts?.[name]).map((name) => [name, parts[name]]), ...(trimmed ? [["trimmed", trimmed]] : [])];
  const all = shown.reduce((sum, [, count]) => sum + count, 0);
  if (!all) return null;
  const words = shown.map(([name, count]) => `${NAMES[name]} ${tokens(count)}`).join(", ");
  return (
    <div className="token-bar">
      <div className="track" role="img" aria-label={`Tokens: ${words}`}>
        {shown.map(([name, count]) => <i key={name} data-part={name} style={{ flexGrow: count }} title={`${NAMES[name]}: ${tokens(count)} tokens`} />)}
      </div>
      <ul>
        {shown.map(([name, count]) => <li key={name}><i data-part={name} />{NAMES[name]} <b className="num">{tokens(count)}</b></li>)}
      </ul>
    </div>
  );
}

function Message({ message }) {
  const content = typeof message.content === "string" ? message.content : message.content ? JSON.stringify(message.content, null, 2) : "";
  return (
    <li className="message" data-role={message.role}>
      <header>{ROLES[message.role] || message.role}{message.name ? <code>{message.name}</code> : null}</header>
      {content ? <pre className="plain">{content}</pre> : null}
      {(message.tool_calls || []).map((call, i) => <pre key={i} className="plain call">{call.function?.name}({call.function?.arguments})</pre>)}
    </li>
  );
}

function LeftOut({ leftOut }) {
  if (!leftOut?.length) return null;
  return (
    <details className="left-out">
      <summary>{leftOut.length === 1 ? "One message was" : `${leftOut.length} messages were`} left out or shortened to fit the model</summary>
      <ul>{leftOut.map((one, i) => <li key={i}><b>{one.how}</b> {NAMES[one.part]?.toLowerCase()}, {tokens(one.tokens)} tokens: <q>{one.preview}</q></li>)}</ul>
    </details>
  );
}

function next(call) {
  if (call.retryIn !== null && call.retryIn !== undefined) return call.retryIn >= 1 ? `Waited ${Math.round(call.retryIn)} s, then asked again.` : "Asked again at once.";
  if (call.nextModel) return `Went on with ${call.nextModel}${call.nextFrom ? ` (${CHAINS[call.nextFrom]})` : ""}.`;
  return "Nothing was left to try.";
}

function told(call) {
  const who = call.model || call.requestedModel || "the default model";
  const asked = call.requestedModel && call.requestedModel.split(":").pop() !== call.model ? `, asked for ${call.requestedModel}` : "";
  return `${call.provider ? `${call.provider} · ` : ""}${who}${asked}`;
}

function asJson(call) {
  return JSON.stringify({ model: call.model, messages: call.messages, ...call.params }, null, 2);
}

function Call({ call, number, open }) {
  return (
    <li className="call" data-ok={call.ok ? "yes" : "no"}>
      <header>
        <Icon name={call.ok ? "circle-check" : "circle-x"} />
        <h3>Call {number}</h3>
        <span className="who">{told(call)}</span>
        {SOURCES[call.source] ? <span className="chip reused">{SOURCES[call.source]}</span> : null}
        {call.repair ? <span className="chip" title="The answer before it did not fit the output block">asked again</span> : null}
        {call.tryNumber > 1 ? <span className="chip">try {call.tryNumber}</span> : null}
      </header>
      <p className="call-facts num">
        {call.ok && call.source === "live" ? <>{tokens(call.inputTokens)} in, {tokens(call.outputTokens)} out · {call.cost === null ? "no price known" : cost(call.cost)} · </> : null}
        {duration(call.durationMs) || "0 ms"}{call.ttftMs !== null && call.ttftMs !== undefined ? `, first word after ${duration(call.ttftMs)}` : ""}
        {call.contextWindow ? ` · room for ${tokens(call.contextWindow)}` : ""}
      </p>
      {call.ok ? null : <p className="call-error"><Words text={call.errorMessage || call.errorKind} /> <span>{next(call)}</span></p>}
      <TokenBar parts={call.parts} leftOut={call.leftOut} />
      <LeftOut leftOut={call.leftOut} />
      {call.messages ? (
        <details className="messages" open={open}>
          <summary>{call.messages.length} messages, as they {call.source === "live" || !call.ok ? "left" : "would have left"}</summary>
          <div className="call-copies"><Copy text={asJson(call)} label="Copy as JSON" />{call.curl ? <Copy text={call.curl} label="Copy as curl" /> : null}</div>
          <ol>{call.messages.map((message, i) => <Message key={i} message={message} />)}</ol>
          {call.answer ? <Message message={{ role: "assistant", name: "answer", content: call.answer.text, tool_calls: call.answer.toolCalls.map((one) => ({ function: one })) }} /> : null}
        </details>
      ) : <p className="muted">Nothing had left.</p>}
    </li>
  );
}

const shortOf = (call) => call.provider || call.requestedModel || "the default model";

/** `anthropic 429, waited 7 s; openai answered`, where there is something to tell. */
export function storyOf(calls) {
  if (calls.every((call) => call.source === "live" && !call.repair)) return null;
  if (calls.every((call) => SOURCES[call.source])) return SOURCES[calls[0].source];
  return calls.map((call) => {
    if (SOURCES[call.source]) return SOURCES[call.source];
    if (call.ok) return `${shortOf(call)} answered${call.repair ? " again, since the answer did not fit" : ""}`;
    const status = /\((\d{3})\)/.exec(call.errorMessage || "")?.[1];
    const then = call.retryIn !== null && call.retryIn !== undefined ? (call.retryIn >= 1 ? `waited ${Math.round(call.retryIn)} s` : "tried again") : call.nextModel ? `went on with ${call.nextModel}` : "gave up";
    return `${shortOf(call)} ${status || String(call.errorKind || "failed").replaceAll("_", " ")}, ${then}`;
  }).join("; ");
}

/** Every question of a step to its models, in the very words. Read when somebody looks. */
export function Calls({ executionId, step }) {
  const [found, setFound] = useState(null);
  const [trouble, setTrouble] = useState(null);
  useEffect(() => {
    let left = false;
    once(callsQuery, { id: executionId, stepKey: step.key })
      .then((data) => { if (!left) { setFound(data?.execution?.modelCalls || []); setTrouble(null); } })
      .catch((error) => { if (!left) setTrouble(error.message); });
    return () => { left = true; };
  }, [executionId, step.key, step.status]);
  if (trouble) return <p className="note" role="alert"><Icon name="triangle-alert" /> {trouble}</p>;
  if (!found) return <div className="skeleton-lines"><i /><i /><i /></div>;
  if (!found.length) return <p className="muted">{step.reused ? "It asked nobody: its result was taken over from an earlier execution." : "No model has been asked yet."}</p>;
  const story = storyOf(found);
  return (
    <>
      {story ? <p className="calls-story">{story}</p> : null}
      <ol className="calls">{found.map((call, i) => <Call key={i} call={call} number={i + 1} open={found.length === 1} />)}</ol>
    </>
  );
}
