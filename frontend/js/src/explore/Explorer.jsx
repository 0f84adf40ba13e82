import { useEffect, useRef, useState } from "react";
import { parse, print } from "graphql";
import { graphql, updateSchema } from "cm6-graphql";
import { json } from "@codemirror/lang-json";
import { Icon } from "../lib/Icon.jsx";
import { TextEditor } from "./TextEditor.jsx";
import { SchemaDocs } from "./SchemaDocs.jsx";
import { EXAMPLES, filled } from "./examples.js";
import { asCurl, loadSchema, operations } from "./request.js";
import { useRequest } from "./useRequest.js";
import { keep, kept, past, remember } from "./memory.js";

const TABS = [["examples", "Examples"], ["docs", "Schema"], ["history", "History"]];

const number = (n) => new Intl.NumberFormat("en-GB").format(n);

function Side({ schema, failed, ids, onTake }) {
  const [tab, setTab] = useState("examples");
  return (
    <section className="panel explore-side" aria-label="Examples, schema and history">
      <div className="tabs" role="tablist" aria-label="Help">
        {TABS.map(([name, words]) => (
          <button key={name} type="button" role="tab" aria-selected={tab === name} onClick={() => setTab(name)}>{words}</button>
        ))}
      </div>
      <div className="explore-side-body" role="tabpanel" tabIndex={0}>
        {tab === "examples" ? <Examples ids={ids} onTake={onTake} /> : null}
        {tab === "docs" && schema ? <SchemaDocs schema={schema} /> : null}
        {tab === "docs" && !schema ? <p className="muted">{failed || "Reading the schema…"}</p> : null}
        {tab === "history" ? <History onTake={onTake} /> : null}
      </div>
    </section>
  );
}

function Examples({ ids, onTake }) {
  return (
    <ul className="explore-list">
      {EXAMPLES.map((e) => (
        <li key={e.title}>
          <button type="button" onClick={() => onTake({ query: e.query, variables: filled(e.variables, ids) })}>
            <strong>{e.title}</strong><small>{e.note.replaceAll("`", "")}</small>
          </button>
        </li>
      ))}
    </ul>
  );
}

function History({ onTake }) {
  const items = past();
  if (!items.length) return <p className="muted">What you send stands here until this tab is closed.</p>;
  return (
    <ul className="explore-list">
      {items.map((item) => (
        <li key={item.at}>
          <button type="button" onClick={() => onTake(item)}>
            <strong>{operations(item.query)[0]?.name || "Without a name"}</strong>
            <small>{new Date(item.at).toLocaleTimeString("en-GB")}</small>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** What an answer cost and took, in one line. */
function Facts({ answer, count, running }) {
  if (!answer) return <span className="muted">{running ? "Waiting for the first answer…" : ""}</span>;
  const cost = answer.body?.extensions?.cost;
  const errors = answer.body?.errors?.length;
  return (
    <span className="explore-facts">
      {errors ? <strong data-bad>{errors} error{errors > 1 ? "s" : ""}</strong> : null}
      {count > 1 ? <span>{number(count)} answers</span> : null}
      <span>{number(Math.round(answer.took))} ms</span><span>{number(answer.bytes)} bytes</span>
      {cost ? <span>cost {number(cost.requested ?? cost)}{cost.remaining === undefined || cost.remaining === null
        ? "" : `, ${number(cost.remaining)} left`}</span> : null}
    </span>
  );
}

function readVariables(text) {
  try {
    const found = text.trim() ? JSON.parse(text) : {};
    if (Object.getPrototypeOf(found) === Object.prototype) return found;
  } catch { /* said below, in words */ }
  throw new Error("The variables are not a JSON object. Mend them below the operation.");
}

/** A workbench for the API: write, send, watch and read about it, in the session of the page. */
export function Explorer({ bot, execution, session }) {
  const [start] = useState(() => kept() || { query: EXAMPLES[0].query, variables: "" });
  const text = useRef(start);
  const [schema, setSchema] = useState(null);
  const [failed, setFailed] = useState("");
  const view = useRef(null);
  const [query, variables, output] = [useRef(null), useRef(null), useRef(null)];

  useEffect(() => { loadSchema().then(setSchema, (error) => setFailed(error.message)); }, []);
  useEffect(() => { if (schema && view.current) updateSchema(view.current, schema); }, [schema]);

  const change = (part) => { text.current = { ...text.current, ...part }; keep(text.current); };
  const take = (item) => { query.current.set(item.query); variables.current.set(item.variables || ""); query.current.focus(); };
  /** What to send: the operation at the cursor, else the first one. */
  const asked = () => {
    const at = query.current.cursor();
    const found = operations(text.current.query);
    const here = found.find((o) => o.from <= at && at <= o.to) || found[0];
    return { query: text.current.query, variables: readVariables(text.current.variables), operationName: here?.name };
  };
  const { problem, running, answers, run, halt, guarded } = useRequest(
    () => { const request = asked(); remember(text.current); return request; },
    (answer) => output.current?.set(answer),
  );
  const format = () => guarded(() => query.current.set(print(parse(text.current.query))));
  const copy = () => guarded(() => navigator.clipboard.writeText(asCurl(asked())));

  return (
    <div className="explore">
      <Side schema={schema} failed={failed} ids={{ BOT: bot, EXECUTION: execution, SESSION: session }} onTake={take} />
      <section className="panel explore-ask" aria-label="Operation">
        <header className="panel-head">
          <h2>Operation</h2><span className="spacer" />
          <button type="button" className="icon-button" data-offline-ok onClick={copy} aria-label="Copy as curl" title="Copy as curl: the same request for a terminal"><Icon name="copy" /></button>
          <button type="button" className="icon-button" data-offline-ok onClick={format} aria-label="Format" title="Format (Alt Shift F)"><Icon name="wand-sparkles" /></button>
          {running ? <button type="button" className="button small" onClick={halt}><Icon name="square" /> Stop</button>
            : <button type="button" className="button small primary" onClick={run} title="Ctrl Enter"><Icon name="play" /> Send</button>}
        </header>
        <TextEditor text={start.query} language={graphql(undefined)} label="GraphQL operation" api={query}
          onReady={(ready) => { view.current = ready; }} onText={(t) => change({ query: t })} onRun={run} onFormat={format} />
        <h3 className="explore-variables">Variables</h3>
        <TextEditor text={start.variables} language={json()} label="Variables as JSON" api={variables}
          onText={(t) => change({ variables: t })} onRun={run} onFormat={format} />
      </section>
      <section className="panel explore-answer" aria-label="Answer">
        <header className="panel-head"><h2>Answer</h2><span className="spacer" />
          <Facts answer={answers.last} count={answers.count} running={running} /></header>
        {answers.last || running || problem ? null : <p className="explore-hint">Send the operation, with Ctrl Enter too: its answer stands here, and a subscription goes on until you stop it.</p>}
        {problem ? <div className="note" role="alert"><Icon name="triangle-alert" /><p>{problem}</p></div> : null}
        <TextEditor text="" language={json()} label="Answer as JSON" api={output} readOnly onRun={run} />
      </section>
    </div>
  );
}
