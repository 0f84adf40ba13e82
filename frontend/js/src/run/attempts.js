// The attempts of a step, each from its beginning to its end, as the events tell them. Pure.

function begun(step, attempt) {
  step.attempts = [...(step.attempts || []), { end: null, outcome: null, ...attempt }];
}

function ended(step, event, facts) {
  const open = step.attempts?.at(-1);
  if (open && !open.end) step.attempts = [...step.attempts.slice(0, -1), { ...open, foreseen: false, end: event.at, ...facts }];
}

const later = (at, seconds) => new Date(new Date(at).getTime() + seconds * 1000).toISOString();
const ENDS = { "step.completed": "COMPLETED", "step.failed": "FAILED", "step.cancelled": "CANCELLED" };

export function foldAttempt(step, event, data) {
  switch (event.type) {
    case "step.started":
      // After a long wait a worker begins the step again, and with it the try that was foreseen.
      if (step.attempts?.at(-1)?.foreseen) step.attempts = step.attempts.slice(0, -1);
      ended(step, event, { outcome: "CANCELLED" });
      if (data.type === "tool") begun(step, { at: event.at, again: step.attempts?.length > 0 });
      break;
    case "model.requested":
      ended(step, event, { outcome: "CANCELLED" });
      begun(step, { at: event.at, model: data.model, again: data.tryNumber > 1 || Boolean(data.repair) });
      break;
    case "model.answered":
      ended(step, event, { outcome: "COMPLETED", ttftMs: data.ttftMs, ...(data.model ? { answeredBy: data.model } : {}) });
      break;
    case "model.failed":
    case "tool.failed":
      ended(step, event, { outcome: "FAILED", message: data.message });
      // A tool has no event of its own for the next try.
      if (event.type === "tool.failed" && data.retryIn !== undefined && data.retryIn !== null) begun(step, { at: later(event.at, data.retryIn), again: true, foreseen: true });
      break;
    default:
      if (ENDS[event.type]) ended(step, event, { outcome: ENDS[event.type] });
  }
}

/** What is drawn apart: the attempts of a step that needed more than one. A model that is asked again after a tool was not. */
export function attemptsOf(step) {
  const all = step.reused ? [] : step.attempts || [];
  return all.length > 1 && all.some((one) => one.again || one.outcome === "FAILED") ? all : [];
}
