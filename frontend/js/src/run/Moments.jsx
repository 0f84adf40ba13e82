import { useEffect, useRef, useState } from "react";
import { once } from "../lib/socket.js";
import { Icon } from "../lib/Icon.jsx";
import snapshotsQuery from "../../../../graphql-schema/operations/execution_snapshots.graphql";
import addMutation from "../../../../graphql-schema/operations/add_bookmark.graphql";
import removeMutation from "../../../../graphql-schema/operations/remove_bookmark.graphql";

/** The named places of an execution: those that it has by itself, and what people have marked. */
function useSnapshots(executionId, count) {
  const [found, setFound] = useState([]);
  const [problem, setProblem] = useState(null);
  const turn = useRef(0);
  // Answers may overtake each other: an older one must not take a new bookmark away again.
  const read = () => {
    const mine = (turn.current += 1);
    const newest = (use) => (value) => { if (mine === turn.current) use(value); };
    return once(snapshotsQuery, { id: executionId })
      .then(newest((data) => setFound(data?.execution?.snapshots || [])), newest((error) => setProblem(error.message)));
  };
  useEffect(() => { read(); }, [executionId, count]);
  const change = async (mutation, input) => {
    try {
      const payload = Object.values(await once(mutation, { input }))[0];
      setProblem(payload.errors[0]?.message || null);
      await read();
      return !payload.errors.length;
    } catch (error) {
      setProblem(error.message);
      return false;
    }
  };
  return { found, problem, change };
}

function Marking({ suggestion, onMark, onClose }) {
  const [label, setLabel] = useState(suggestion);
  const [busy, setBusy] = useState(false);
  const keep = async () => {
    if (busy || !label.trim()) return;
    setBusy(true);
    await onMark(label.trim());
    setBusy(false);
  };
  return (
    <form className="marking" onSubmit={(e) => { e.preventDefault(); keep(); }}
      onKeyDown={(e) => { if (e.key === "Escape") { e.stopPropagation(); onClose(); } }}>
      <label className="visually-hidden" htmlFor="mark-label">Name of the bookmark</label>
      <input id="mark-label" className="input" value={label} maxLength={200} autoFocus onFocus={(e) => e.target.select()} onChange={(e) => setLabel(e.target.value)} />
      <button type="submit" className="button small primary" disabled={busy || !label.trim()}>Keep</button>
      <button type="button" className="button small quiet" onClick={onClose}>Back</button>
    </form>
  );
}

/** Goes to a named moment, marks the one that is shown, and begins again from it. */
export function Moments({ executionId, events, at, text, mayMark, onAt, onRerun }) {
  const { found, problem, change } = useSnapshots(executionId, events.length);
  const [marking, setMarking] = useState(false);
  const placeOf = (one) => events.findIndex((event) => event.seq === one.seq) + 1;
  const shown = found.filter((one) => placeOf(one) > 0);
  const own = shown.filter((one) => one.bookmarkId);
  const seq = events[at - 1]?.seq;
  const marked = own.some((one) => one.seq === seq);
  return (
    <div className="moments">
      <div className="moments-row">
        <select className="input" aria-label="Go to a moment" value="" onChange={(e) => onAt(Number(e.target.value))}>
          <option value="" disabled>Go to a moment…</option>
          {own.length ? <optgroup label="Bookmarks">{own.map((one) => <option key={one.bookmarkId} value={placeOf(one)}>{one.label}</option>)}</optgroup> : null}
          <optgroup label="By itself">{shown.filter((one) => !one.bookmarkId).map((one) => <option key={`${one.seq} ${one.kind}`} value={placeOf(one)}>{one.seq}: {one.label}</option>)}</optgroup>
        </select>
        {mayMark && seq && !marked && !marking ? <button type="button" className="button small" onClick={() => setMarking(true)}><Icon name="bookmark" /> Bookmark</button> : null}
        {onRerun && seq ? <button type="button" className="button small" title="A new execution: what was finished by then is taken over at no cost, the rest is done anew" onClick={() => onRerun(seq)}><Icon name="fast-forward" /> Rerun from this moment</button> : null}
      </div>
      {marking ? <Marking suggestion={text} onClose={() => setMarking(false)} onMark={async (label) => { if (await change(addMutation, { executionId, seq, label })) setMarking(false); }} /> : null}
      {own.length ? (
        <ul className="marks" aria-label="Bookmarks">
          {own.map((one) => (
            <li key={one.bookmarkId} aria-current={one.seq === seq ? "true" : undefined}>
              <button type="button" className="plain" onClick={() => onAt(placeOf(one))}><Icon name="bookmark" /> {one.label}</button>
              {mayMark ? <button type="button" className="plain" aria-label={`Remove the bookmark ${one.label}`} title="Remove" onClick={() => change(removeMutation, { bookmarkId: one.bookmarkId })}><Icon name="x" /></button> : null}
            </li>
          ))}
        </ul>
      ) : null}
      {problem ? <p className="step-error" role="alert">{problem}</p> : null}
    </div>
  );
}
