import { isLeaf } from "./fold.js";

// What a click on each action of a diagnosis leads to. What cannot work where it stands is left out, and so not offered.
export const PLACES = { reconnect: "/connections", raise_limit: "/settings/limits", raise_budget: "/costs" };

/** A call that a model made of a tool. */
export const insideEntity = (run, step) => run.steps.get(step?.parentKey)?.type === "entity";

/** The entity whose model called the tool of this step. */
const callerOf = (run, step) => (insideEntity(run, step) ? run.steps.get(step.parentKey) : null);

/** The entity whose model a failure speaks of; null where it is of none. */
function askingOf(facts, step, error) {
  const known = (facts.bot?.entities || []).map((one) => one.name);
  return [step?.type === "entity" ? step.name : null, error?.entity].find((name) => known.includes(name)) ?? null;
}

/** `step` null: nothing had begun yet. `open` shows the dialog of a rerun, `rerun` begins one at once. The failure that
 * ended the run is tried again with all that failed like it; one that the program went on without, from its step on. */
export function repairsOf({ run, step, error, facts, rerun, open }) {
  const caller = callerOf(run, step);
  const entity = askingOf(facts, caller || step, error);
  const passable = step && !caller && step.input !== undefined;
  const bot = facts.bot ? `/bots/${facts.bot.id}` : undefined;
  return {
    ...PLACES,
    retry: () => rerun(!step || error === run.error ? {} : { fromStep: step.key }),
    edit_and_retry: () => open({ step }),
    skip: passable ? () => rerun({ fromStep: step.key, skip: [step.key] }) : undefined,
    other_model: entity ? () => open({ step: caller || step, model: entity }) : undefined,
    edit_bot: bot,
  };
}

/** Whether a `try` around it took care of the failure, or does so just now. */
function caught(run, step) {
  for (let above = run.steps.get(step.parentKey); above; above = run.steps.get(above.parentKey)) {
    if (above.type === "try" && !["FAILED", "CANCELLED"].includes(above.status)) return true;
  }
  return false;
}

/** The step that a failure of the execution is about: what it says itself, else the first that nobody took care of. */
export function failedStep(run, list) {
  const told = run.steps.get(run.error?.stepKey);
  if (told) return told;
  const open = list.map((row) => row.step).filter((s) => s.status === "FAILED" && !s.handled && !caught(run, s));
  return open.find(isLeaf) || open.at(-1);
}

/** What the program went on without, as far as it is called: an item of a map, a step with `on_error`. */
export function givenUp(run, list) {
  return list.map((row) => row.step).filter((s) => s.status === "FAILED" && (s.type === "entity" || s.type === "use") && !caught(run, s));
}

/** Beside the choices of a question about a failure: what has to be mended first, before it is tried again. */
export function firstOf(question, onModel) {
  const offered = (question.diagnosis?.actions || []).map((one) => one.action);
  const model = onModel && offered.includes("other_model") ? { other_model: onModel } : {};
  return { ...Object.fromEntries(Object.entries(PLACES).filter(([word]) => offered.includes(word))), ...model };
}
