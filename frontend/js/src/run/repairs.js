// What a click on each action of a diagnosis leads to. What cannot work where it stands is left out, and so not offered.
import { largeOf } from "./Large.jsx";

export const PLACES = { reconnect: "/connections", raise_limit: "/settings/limits", raise_budget: "/costs" };

/** A tool that a model called is done again with its entity. */
export function redoneWith(run, step) {
  const around = step ? run.steps.get(step.parentKey) : null;
  return around?.type === "entity" ? around : step;
}

/** The entity whose model a failure speaks of; null where it is of none. */
function askingOf(facts, step, error) {
  const known = (facts.bot?.entities || []).map((one) => one.name);
  return [step?.type === "entity" ? step.name : null, error?.entity].find((name) => known.includes(name)) ?? null;
}

/** `step` null: nothing had begun yet. `open` shows the dialog of a rerun, `rerun` begins one at once. */
export function repairsOf({ run, step, error, facts, rerun, open }) {
  const from = redoneWith(run, step);
  const entity = askingOf(facts, from, error);
  const passable = from && from === step && step.input !== undefined && !largeOf(step.input);
  const bot = facts.bot ? `/bots/${facts.bot.id}` : undefined;
  return {
    ...PLACES,
    retry: () => rerun({ fromStep: from?.key ?? null }),
    edit_and_retry: () => open({ step: from }),
    skip: passable ? () => rerun({ fromStep: step.key, outputs: { [step.key]: step.input } }) : undefined,
    other_model: entity ? () => open({ step: from, model: entity }) : undefined,
    edit_bot: bot,
  };
}

/** Beside the choices of a question about a failure: what has to be mended first, before it is tried again. */
export function firstOf(question, onModel) {
  const offered = (question.diagnosis?.actions || []).map((one) => one.action);
  const model = onModel && offered.includes("other_model") ? { other_model: onModel } : {};
  return { ...Object.fromEntries(Object.entries(PLACES).filter(([word]) => offered.includes(word))), ...model };
}
