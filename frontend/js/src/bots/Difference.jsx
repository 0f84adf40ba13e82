import { useEffect, useState } from "react";
import { once } from "../lib/socket.js";
import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";
import { folded, paired, sides } from "./lines.js";
import versionsQuery from "../../../../graphql-schema/operations/compare_bot_versions.graphql";
import importQuery from "../../../../graphql-schema/operations/import_difference.graphql";

async function read(wanted) {
  if (wanted.bundleId) {
    const { items } = (await once(importQuery, { id: wanted.bundleId })).previewImport;
    return items.find((i) => i.name === wanted.name)?.comparison;
  }
  return (await once(versionsQuery, wanted)).compareBotVersions;
}

const tone = (kind) => (/added$/.test(kind) ? "added" : /removed$/.test(kind) ? "removed" : "changed");
const SIGN = { added: "plus", removed: "minus", changed: "pen-line" };

function Changes({ changes }) {
  if (!changes) return <p className="diff-note"><Icon name="info" /> One of the two texts has mistakes, so it is compared line by line only.</p>;
  if (!changes.length) return <p className="diff-note"><Icon name="info" /> Both mean the same: only spelling, layout or remarks differ.</p>;
  return (
    <ul className="diff-changes" aria-label="What changed">
      {changes.map((c, i) => (
        <li key={i} data-tone={tone(c.kind)}><Icon name={SIGN[tone(c.kind)]} /><span><Words text={c.sentence} /></span></li>
      ))}
    </ul>
  );
}

function Marked({ parts }) {
  return parts.map((p, i) => (p.marked ? <mark key={i}>{p.text}</mark> : p.text));
}

function Unified({ rows, onUnfold }) {
  return rows.flatMap((r, i) => {
    if (r.fold) return [<Fold key={i} row={r} span={3} onUnfold={onUnfold} />];
    if (!r.changed) return [<tr key={i}><th>{r.old.number}</th><th>{r.new.number}</th><td>{r.old.text}</td></tr>];
    return [
      ...(r.old ? [<tr key={`${i}o`} data-kind="removed"><th>{r.old.number}</th><th /><td><span className="sign">−</span><Marked parts={r.old.parts} /></td></tr>] : []),
      ...(r.new ? [<tr key={`${i}n`} data-kind="added"><th /><th>{r.new.number}</th><td><span className="sign">+</span><Marked parts={r.new.parts} /></td></tr>] : []),
    ];
  });
}

function Half({ side, kind, sign }) {
  if (!side) return <><th className="none" /><td className="none" /></>;
  return <><th data-kind={kind}>{side.number}</th><td data-kind={kind}>{kind ? <span className="sign">{sign}</span> : null}{kind ? <Marked parts={side.parts} /> : side.text}</td></>;
}

function Split({ rows, onUnfold }) {
  return rows.map((r, i) => (r.fold ? <Fold key={i} row={r} span={4} onUnfold={onUnfold} /> : (
    <tr key={i}>
      <Half side={r.old} kind={r.changed ? "removed" : undefined} sign="−" />
      <Half side={r.new} kind={r.changed ? "added" : undefined} sign="+" />
    </tr>
  )));
}

function Fold({ row, span, onUnfold }) {
  return (
    <tr className="fold"><td colSpan={span}>
      <button type="button" data-offline-ok onClick={() => onUnfold(row.fold)}><Icon name="chevron-down" /> {row.count} lines that are the same</button>
    </td></tr>
  );
}

const usual = () => (window.matchMedia("(max-width: 900px)").matches ? "unified" : localStorage.getItem("diff") || "split");

/** Two texts of a bot: what changed by meaning, and line by line. `wanted` says which two. */
export function Difference({ wanted, label = "Difference" }) {
  const key = JSON.stringify(wanted);
  const [found, setFound] = useState({});
  const [view, setView] = useState(usual);
  const [open, setOpen] = useState(() => new Set());
  useEffect(() => {
    let gone = false;
    setOpen(new Set());
    read(JSON.parse(key)).then(
      (comparison) => { if (!gone) setFound({ comparison: comparison || null, key }); },
      (error) => { if (!gone) setFound({ error: error.message, key }); },
    );
    return () => { gone = true; };
  }, [key]);
  const choose = (next) => { setView(next); localStorage.setItem("diff", next); };
  if (found.error) return <p className="diff-note" role="alert"><Icon name="triangle-alert" /> {found.error}</p>;
  if (found.comparison === undefined) return <div className="skeletons rows" aria-busy="true"><div className="skeleton row" /><div className="skeleton row" /><div className="skeleton row" /></div>;
  const { comparison } = found;
  if (!comparison || !comparison.lines.some((l) => l.kind !== "SAME")) {
    return <p className="diff-note" role="status"><Icon name="circle-check" /> The two texts are the same.</p>;
  }
  const rows = folded(paired(sides(comparison.lines)), open);
  const unfold = (at) => setOpen((old) => new Set(old).add(at));
  const Body = view === "split" ? Split : Unified;
  return (
    <div className="difference" data-stale={found.key !== key || undefined}>
      <Changes changes={comparison.changes} />
      <div className="diff-bar">
        <span className="diff-count" data-kind="added">+{comparison.linesAdded}</span>
        <span className="diff-count" data-kind="removed">−{comparison.linesRemoved}</span>
        <span className="visually-hidden">lines added and removed</span>
        <span className="spacer" />
        <div className="segmented" role="group" aria-label="How to show it">
          {[["split", "Side by side"], ["unified", "One column"]].map(([name, words]) => (
            <button key={name} type="button" data-offline-ok aria-pressed={view === name} onClick={() => choose(name)}>{words}</button>
          ))}
        </div>
      </div>
      <div className="diff-scroll" tabIndex={0} role="region" aria-label={label}>
        <table className="diff" data-view={view}>
          <colgroup>{(view === "split" ? ["n", "", "n", ""] : ["n", "n", ""]).map((kind, i) => <col key={i} className={kind} />)}</colgroup>
          <tbody><Body rows={rows} onUnfold={unfold} /></tbody>
        </table>
      </div>
      {comparison.truncated ? <p className="diff-note"><Icon name="info" /> The texts are longer than what is shown here.</p> : null}
    </div>
  );
}
