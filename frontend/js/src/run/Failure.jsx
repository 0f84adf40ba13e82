import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";

const ADVICE = {
  provider_auth: "Check the key of this provider, then run again. Until then you can run with the demo model.",
  provider_unavailable: "The model's endpoint did not answer. Check that it is running and reachable, then run again.",
  provider_failed: "The provider answered with an error of its own. Run again in a while, or name fallbacks.",
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

const DEMO_HELPS = ["provider_auth", "provider_unavailable", "provider_failed", "model_unknown"];

const REPAIRS = {
  retry: ["refresh-cw", "Try again"], edit_and_retry: ["pen-line", "Edit and try again"], skip: ["circle-slash", "Go on without it"],
  other_model: ["cpu", "Choose another model"], edit_bot: ["code-xml", "Edit the bot"], reconnect: ["plug", "Check the connection"],
  raise_limit: ["gauge", "Raise the limit"], raise_budget: ["wallet", "Raise the budget"],
};

/** What helps, as buttons. `repairs` says what each of them does; what it does not know is not offered. */
export function Repairs({ diagnosis, repairs, quiet }) {
  const offered = (diagnosis.actions || []).filter(({ action }) => repairs[action]);
  if (!offered.length) return null;
  return (
    <div className="actions repairs">
      {offered.map(({ action, label }, i) => {
        const [icon, name] = REPAIRS[action] || ["wrench", action];
        const content = <><Icon name={icon} /> {name}</>;
        const look = `button small${i || quiet ? "" : " primary"}`;
        return typeof repairs[action] === "string" ? <a key={action} className={look} href={repairs[action]} title={label}>{content}</a>
          : <button key={action} type="button" className={look} title={label} onClick={repairs[action]}>{content}</button>;
      })}
    </div>
  );
}

/** What failed, why, and what to do next. */
export function Failure({ error, where, onShow, onDemo, repairs }) {
  if (!error) return null;
  const advice = [error.diagnosis?.cause, error.hint || (error.diagnosis ? "" : ADVICE[error.kind])].filter(Boolean).join(" ");
  return (
    <div className="failure" role="alert">
      <Icon name="triangle-alert" />
      <div>
        <strong>{where ? <>Failed at {onShow ? <button type="button" className="link" data-offline-ok onClick={onShow}>{where}</button> : where}</> : "Failed"}</strong>
        <p><Words text={error.message} /></p>
        {advice ? <p className="failure-hint"><Words text={advice} /></p> : null}
        {repairs && error.diagnosis ? <Repairs diagnosis={error.diagnosis} repairs={repairs} /> : null}
        {onDemo && DEMO_HELPS.includes(error.kind) ? (
          <button type="button" className="button small" onClick={onDemo}><Icon name="play" /> Run in demo</button>
        ) : null}
      </div>
      {error.kind ? <code className="kind">{error.kind}</code> : null}
    </div>
  );
}
