import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";

const ADVICE = {
  provider_auth: "Check the key of this provider, then run again. Until then you can run with the demo model.",
  provider_unavailable: "The model's endpoint did not answer. Check that it is running and reachable, then run again.",
  model_unknown: "Name a model that the provider has, or remove the model line to use the default one.",
  context_too_long: "The text is longer than the model can read. Shorten the input, split it with map, or name a larger model.",
  rate_limited: "The provider limits how often it may be called. Wait a moment, add fallbacks, or lower the concurrency.",
  budget_exceeded: "Raise the budget, or use a cheaper model.",
  timeout: "Give the entity a longer timeout, or split its work.",
  tool_not_found: "Check the name of the tool against the tools of this workspace.",
  not_a_list: "Point the block at a field that holds a list.",
  no_route: "Add a default arm to the route, or widen the classifier's answers.",
  schema_mismatch: "Loosen the output types, or say in the goal how the answer must look.",
  worker_lost: "The process that ran it ended. Run again; finished steps can be taken over.",
};

const DEMO_HELPS = ["provider_auth", "provider_unavailable", "model_unknown"];

/** What failed, why, and what to do next. */
export function Failure({ error, where, onShow, onDemo }) {
  if (!error) return null;
  return (
    <div className="failure" role="alert">
      <Icon name="triangle-alert" />
      <div>
        <strong>{where ? <>Failed at {onShow ? <button type="button" className="link" data-offline-ok onClick={onShow}>{where}</button> : where}</> : "Failed"}</strong>
        <p><Words text={error.message} /></p>
        {error.hint || ADVICE[error.kind] ? <p className="failure-hint"><Words text={error.hint || ADVICE[error.kind]} /></p> : null}
        {onDemo && DEMO_HELPS.includes(error.kind) ? (
          <button type="button" className="button small" onClick={onDemo}><Icon name="play" /> Run in demo</button>
        ) : null}
      </div>
      {error.kind ? <code className="kind">{error.kind}</code> : null}
    </div>
  );
}
