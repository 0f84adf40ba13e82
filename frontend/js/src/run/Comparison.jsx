import { useMemo, useState } from "react";
import { Icon, StatusMark } from "../lib/Icon.jsx";
import { LABELS, cost, duration, tokens } from "../lib/format.js";
import { largeOf } from "./Large.jsx";
import { isLeaf } from "./fold.js";
import { linesOf, pairs, same } from "./changed.js";
import { Value } from "./Value.jsx";
import { sides } from "../bots/lines.js";

const WORDS = {
  reused: ["reused", "Taken over, no cost"], edited: ["edited by hand", "A person put this result in the place of the earlier one"],
  status: ["other outcome", "It ended otherwise"], output: ["other result", "It was made anew and answered something else"],
  same: ["same result", "It was made anew and answered the same"], added: ["only in the rerun", "The earlier one never came here"], gone: ["only before", "The rerun never came here"],
};
const CHANGED = ["edited", "status", "output", "added", "gone"];

function Lines({ before, after }) {
  const rows = useMemo(() => sides(linesOf(before, after)), [before, after]);
  return (
    <table className="lines" aria-label="Before and after, line by line"><tbody>
      {rows.map((row, i) => (
        <tr key={i} data-changed={row.changed ? "yes" : undefined}>
          <td className="was">{row.old ? (row.changed ? <del>{row.old.text || " "}</del> : row.old.text) : ""}</td>
          <td className="is">{row.new ? (row.changed ? <ins>{row.new.text || " "}</ins> : row.new.text) : ""}</td>
        </tr>
      ))}
    </tbody></table>
  );
}

/** Two values side by side; what is equal is shown once. */
function Both({ before, after, word }) {
  if (same(before, after)) return <div className="both-same"><p className="muted">{word} in both.</p><Value value={after} /></div>;
  if (largeOf(before) || largeOf(after)) return <div className="both"><Value value={before} /><Value value={after} /></div>;
  return <Lines before={before} after={after} />;
}

/** What is of unknown price did not cost nothing. */
function spentOf(used) {
  if (used?.cost === null || used?.cost === undefined) return "";
  if (!used.unpriced) return cost(used.cost);
  return Number(used.cost) ? `${cost(used.cost)} + unpriced` : "unpriced";
}

function Change({ before, after, format }) {
  const [a, b] = [Number(before || 0), Number(after || 0)];
  const way = b === a ? "" : b < a ? "less" : "more";
  return <span className="num change" data-way={way || undefined}>{format(after) || "–"}{way && before !== null && before !== undefined ? <span className="visually-hidden">, {way} than before</span> : null}</span>;
}

function Fact({ name, before, after }) {
  return <tr data-changed={before === after ? undefined : "yes"}><th scope="row">{name}</th><td>{before}</td><td>{after}</td></tr>;
}

function Facts({ older, newer }) {
  const version = (one) => (one.version ? `version ${one.version.number}` : "deleted");
  const status = (one) => <span className="pill" data-status={one.status}>{LABELS[one.status]}</span>;
  return (
    <table className="compare-facts">
      <thead><tr><th scope="col"><span className="visually-hidden">What</span></th>
        <th scope="col"><a href={`/executions/${older.id}`}>Before</a> <small><bb-ago value={older.createdAt} /></small></th>
        <th scope="col"><a href={`/executions/${newer.id}`}>Rerun</a> <small><bb-ago value={newer.createdAt} /></small></th></tr></thead>
      <tbody>
        <tr data-changed={older.status === newer.status ? undefined : "yes"}><th scope="row">Status</th><td>{status(older)}</td><td>{status(newer)}</td></tr>
        <Fact name="Text" before={version(older)} after={version(newer)} />
        <Fact name="Cost" before={spentOf(older.usage)} after={spentOf(newer.usage)} />
        <Fact name="Tokens" before={tokens(older.usage.totalTokens)} after={tokens(newer.usage.totalTokens)} />
        <Fact name="Duration" before={duration(older.durationMs)} after={duration(newer.durationMs)} />
        {older.error || newer.error ? <Fact name="Error" before={older.error?.message || "none"} after={newer.error?.message || "none"} /> : null}
      </tbody>
    </table>
  );
}

function Pair({ pair, open, onToggle }) {
  const { old, now } = pair;
  const [word, why] = WORDS[pair.verdict];
  const bare = now || old;
  return (
    <>
      <tr className="pair" data-verdict={pair.verdict}>
        <th scope="row"><button type="button" aria-expanded={open} onClick={onToggle} data-offline-ok><Icon name="chevron-right" /><StatusMark status={bare.status} /><span>{pair.name}</span>{pair.place ? <small className="place">{pair.place}</small> : null}</button></th>
        <td><span className={`chip verdict`} data-changed={CHANGED.includes(pair.verdict) ? "yes" : undefined} title={why}>{word}</span></td>
        <td className="num" data-label="Cost">{old ? spentOf(old.usage) || "–" : ""}</td><td className="num" data-label="now">{now ? (now.reused ? "$0" : <Change before={old?.usage?.cost} after={now.usage?.cost} format={cost} />) : ""}</td>
        <td className="num" data-label="Time">{old ? duration(old.durationMs) : ""}</td><td className="num" data-label="now">{now && !now.reused ? <Change before={old?.durationMs} after={now.durationMs} format={duration} /> : ""}</td>
      </tr>
      {open ? (
        <tr className="pair-body"><td colSpan={6}>
          <h3>Result</h3><Both before={old?.output} after={now?.output} word="The same" />
          {old && now && !same(old.input, now.input) ? <><h3>Input</h3><Both before={old.input} after={now.input} word="The same" /></> : null}
          {[old, now].filter((s) => s?.error).map((s) => <p key={s === old ? "old" : "now"} className="step-error">{s === old ? "Before: " : "Rerun: "}{s.error.message}</p>)}
        </td></tr>
      ) : null}
    </>
  );
}

const steps = (count) => (count === 1 ? "One step" : `${count} steps`);

/** What was edited, what came out otherwise by itself, and what cost nothing. */
function summary(leaves) {
  const edited = leaves.filter((p) => p.verdict === "edited").length;
  const changed = leaves.filter((p) => p.verdict !== "edited" && CHANGED.includes(p.verdict)).length;
  const reused = leaves.filter((p) => p.verdict === "reused").length;
  return [
    edited ? `${steps(edited)} ${edited === 1 ? "was" : "were"} edited by hand.` : "",
    changed ? `${steps(changed)} came out differently.` : `No ${edited ? "other " : ""}step came out differently.`,
    reused ? `${steps(reused)} ${reused === 1 ? "was" : "were"} taken over at no cost.` : "",
  ].filter(Boolean).join(" ");
}

/** An execution and its rerun side by side, with what changed marked. */
export function Comparison({ older, newer }) {
  const list = useMemo(() => pairs(older, newer), [older, newer]);
  const leaves = list.filter(isLeaf);
  const [opened, setOpened] = useState(() => new Set(leaves.filter((p) => CHANGED.includes(p.verdict)).slice(0, 1).map((p) => p.key)));
  const [only, setOnly] = useState(false);
  const toggle = (key) => setOpened((old) => { const next = new Set(old); if (!next.delete(key)) next.add(key); return next; });
  const rows = only ? list.filter((p) => CHANGED.includes(p.verdict)) : list;
  return (
    <div className="comparison">
      <p className="compare-sum">{summary(leaves)}</p>
      <div className="compare-top">
        <section className="panel"><header className="panel-head"><h2>Both at a glance</h2></header><Facts older={older} newer={newer} /></section>
        <section className="panel"><header className="panel-head"><h2>Output</h2></header><div className="compare-body"><Both before={older.output} after={newer.output} word="The same" /></div></section>
      </div>
      {same(older.input, newer.input) ? null : <section className="panel"><header className="panel-head"><h2>Input</h2></header><div className="compare-body"><Both before={older.input} after={newer.input} word="The same" /></div></section>}
      <section className="panel">
        <header className="panel-head"><h2>Steps</h2><span className="spacer" />
          <button type="button" className="button small" aria-pressed={only} onClick={() => setOnly(!only)} data-offline-ok><Icon name="funnel" /> Only what changed</button></header>
        <div className="compare-scroll"><table className="pairs">
          <thead><tr><th scope="col">Step</th><th scope="col">What became of it</th><th scope="col" className="num">Cost before</th><th scope="col" className="num">Rerun</th><th scope="col" className="num">Time before</th><th scope="col" className="num">Rerun</th></tr></thead>
          <tbody>{rows.map((pair) => <Pair key={pair.key} pair={pair} open={opened.has(pair.key)} onToggle={() => toggle(pair.key)} />)}</tbody>
        </table></div>
        {rows.length ? null : <p className="palette-none">Nothing changed.</p>}
      </section>
    </div>
  );
}
