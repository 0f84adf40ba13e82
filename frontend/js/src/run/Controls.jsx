import { Icon } from "../lib/Icon.jsx";
import { isFinal } from "../lib/format.js";

const NOTES = {
  PAUSE: "Hold before the next step. What runs now is finished first.",
  RESUME: "Go on",
  STEP: "Take exactly one action, then hold again",
  CANCEL: "Stop it for good. Finished steps are kept.",
};

function Button({ icon, children, primary, action, onControl, busy }) {
  return (
    <button type="button" className={`button${primary ? " primary" : ""}`} title={NOTES[action]} disabled={Boolean(busy)} onClick={() => onControl(action)}>
      <Icon name={busy ? "loader-circle" : icon} className={busy ? "spin" : ""} /> {busy || children}
    </button>
  );
}

/** What can be done to an execution where it stands. */
export function Controls({ run, can, onControl, onRetry, onAgain, onReplay, onKeep, onRerun, onModify, onDelete, lost, onLost }) {
  const asked = run.asked?.action;
  if (isFinal(run.status)) {
    const remove = onDelete && can.delete ? <button type="button" className="icon-button" aria-label="Delete this execution" title="Delete it for good" onClick={onDelete}><Icon name="trash-2" /></button> : null;
    if (can.retry === false) return remove;
    const broken = run.status !== "COMPLETED";
    return (
      <>
        {remove}
        {onKeep ? <button type="button" className="button quiet" aria-label="Keep as recording" title="Keep as a recording: what models answered and tools gave, to replay it at no cost" onClick={onKeep}><Icon name="archive" /> Keep</button> : null}
        {onReplay ? <button type="button" className="button" title="The same answers once more, at no cost: no model and no tool is called" onClick={onReplay}><Icon name="history" /> Replay</button> : null}
        {onRerun ? <button type="button" className="button" title="Begin again at a step, with other results or another version" onClick={onRerun}><Icon name="fast-forward" /> Rerun…</button> : null}
        <button type="button" className={`button${broken && onRetry ? "" : " primary"}`} title="A new execution with the same version and input" onClick={onAgain}><Icon name="rotate-cw" /> Run again</button>
        {!broken && lost ? (
          <button type="button" className="button" title="A new execution in which only what failed is done again; all else is taken over at no cost" onClick={onLost}>
            <Icon name="refresh-cw" /> Redo what failed
          </button>
        ) : null}
        {broken && onRetry ? (
          <button type="button" className="button primary" title="A new execution in which what failed is done again; what is finished is taken over at no cost" onClick={onRetry}>
            <Icon name="refresh-cw" /> Retry
          </button>
        ) : null}
      </>
    );
  }
  if (can.cancel === false) return null;
  const paused = run.status === "PAUSED";
  const pausing = asked === "PAUSE";
  return (
    <>
      {onModify ? <button type="button" className="button quiet" title="Change the goal, the tools or the notes of an entity for the rest of this execution" onClick={onModify}><Icon name="pen-line" /> Change an entity</button> : null}
      <Button icon="square" action="CANCEL" onControl={onControl} busy={asked === "CANCEL" ? "Cancelling" : ""}>Cancel</Button>
      {paused ? <Button icon="step-forward" action="STEP" onControl={onControl}>Step</Button> : null}
      {paused ? <Button icon="play" primary action="RESUME" onControl={onControl}>Resume</Button> : null}
      {!paused && asked !== "CANCEL" ? <Button icon="pause" action="PAUSE" onControl={onControl} busy={pausing ? "Pausing" : ""}>Pause</Button> : null}
      {pausing && !paused ? <Button icon="play" action="RESUME" onControl={onControl}>Do not pause</Button> : null}
    </>
  );
}
