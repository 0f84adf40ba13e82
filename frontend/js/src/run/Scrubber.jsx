import { useEffect, useRef, useState } from "react";
import { Icon } from "../lib/Icon.jsx";
import { duration } from "../lib/format.js";
import { Moments } from "./Moments.jsx";

const WORDS = {
  "execution.queued": "accepted", "execution.started": "taken by a worker", "execution.completed": "completed", "execution.failed": "failed",
  "execution.cancelled": "cancelled", "execution.timed_out": "timed out", "execution.waiting": "waits", "execution.paused": "paused",
  "execution.resumed": "goes on", "execution.handed_back": "handed back by a worker", "execution.pause_requested": "told to pause",
  "execution.cancel_requested": "told to cancel", "step.started": "started", "step.delta": "writes", "step.completed": "completed",
  "step.failed": "failed", "step.skipped": "skipped", "step.waiting": "waits", "step.cancelled": "cancelled", "step.child": "starts another bot",
  "step.outcome_unknown": "outcome unknown", "model.requested": "asks the model", "model.answered": "the model answered", "model.failed": "the model failed",
  "approval.requested": "asks a person", "approval.decided": "a person decided", "approval.expired": "nobody decided in time",
  "tool.refused": "a tool call is refused", "tool.paid": "a tool is paid for", "repair.tried": "a repair is tried", "entity.modified": "the entity is changed",
};
const PACE_MS = 90;

const words = (event) => WORDS[event.type] || event.type.replaceAll(".", " ").replaceAll("_", " ");
export const eventWords = (event) => (event.stepKey ? `${event.stepKey.split("/").pop()} ${words(event)}` : `Execution ${words(event)}`);

function usePlay(at, last, onAt) {
  const [playing, setPlaying] = useState(false);
  const place = useRef(at);
  place.current = at;
  useEffect(() => {
    if (!playing) return undefined;
    const timer = setInterval(() => {
      if (place.current >= last) return setPlaying(false);
      return onAt(place.current + 1);
    }, PACE_MS);
    return () => clearInterval(timer);
  }, [playing, last]);
  return [playing, () => {
    if (!playing && place.current >= last) onAt(0);
    setPlaying(!playing);
  }];
}

/** Where the page stands in the events of an execution. It only looks: no model and no tool is called. */
export function Scrubber({ executionId, events, at, zero, onAt, onClose, canRerun, pruned, mayMark, onRerun }) {
  const last = events.length;
  const [playing, toggle] = usePlay(at, last, onAt);
  const event = events[at - 1];
  const since = event ? Math.max(0, new Date(event.at) - new Date(zero)) : 0;
  const text = event ? eventWords(event) : "Before the first event";
  const step = (by) => onAt(Math.min(Math.max(at + by, 0), last));
  return (
    <div className="scrubber" role="group" aria-label="Time travel" data-offline-ok>
      <div className="scrub-bar">
        <button type="button" className="icon-button" aria-label={playing ? "Stop playing" : "Play"} title={playing ? "Stop" : "Play"} onClick={toggle}><Icon name={playing ? "pause" : "play"} /></button>
        <button type="button" className="icon-button" aria-label="Event before" title="Event before" disabled={at <= 0} onClick={() => step(-1)}><Icon name="chevron-left" /></button>
        <input type="range" min={0} max={last} value={at} aria-label="Event" aria-valuetext={`${at} of ${last}: ${text}`} style={{ "--at": `${last ? (at / last) * 100 : 0}%` }}
          onChange={(e) => onAt(Number(e.target.value))} />
        <button type="button" className="icon-button" aria-label="Event after" title="Event after" disabled={at >= last} onClick={() => step(1)}><Icon name="chevron-right" /></button>
        <button type="button" className="button small" onClick={onClose}><Icon name="activity" /> Back to now</button>
      </div>
      <p className="scrub-note">
        <strong className="num">{at} of {last}</strong>
        <span>{text}</span>
        <span className="num muted">{event ? `+${duration(since) || "0 ms"}` : ""}</span>
        <span className="spacer" />
        <span className="muted">{pruned ? "Older events were deleted by the retention. " : ""}{canRerun ? "Replay is looking, rerun spends." : "Replay only looks: nothing runs and nothing is spent."}</span>
      </p>
      <Moments executionId={executionId} events={events} at={at} text={text} mayMark={mayMark} onAt={onAt} onRerun={canRerun ? onRerun : undefined} />
    </div>
  );
}
