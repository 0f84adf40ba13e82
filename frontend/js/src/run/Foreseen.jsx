import { useEffect, useState } from "react";
import { Icon } from "../lib/Icon.jsx";
import { cost, tokens } from "../lib/format.js";
import { once } from "../lib/socket.js";
import estimateQuery from "../../../../graphql-schema/operations/estimate_execution.graphql";

const PAUSE_MS = 800;
/** A longer input is not sent only to be counted. */
const LONGEST = 200_000;
const THEN = {
  STOP: "this run would probably be stopped there.",
  ASK: "this run would probably wait until it is raised.",
  WARN: "it only warns.",
};

function anew(endsAt) {
  const day = endsAt ? new Date(endsAt).toLocaleDateString("en-GB", { day: "numeric", month: "short" }) : "";
  return day ? `is raised or begins anew on ${day}` : "is raised";
}

function words({ name, action, left, endsAt }) {
  if (left !== null && Number(left) <= 0) {
    return action === "STOP" ? `The budget “${name}” is spent: nothing starts until it ${anew(endsAt)}.` : `The budget “${name}” is spent: ${THEN[action]}`;
  }
  return `The budget “${name}” has ${left === null ? "less" : cost(left)} left${left === null ? " than that" : ""}: ${THEN[action]}`;
}

/** What a run will probably cost, told before it starts. Asked anew when the text is saved, a run has ended, or,
    while it is counted from the program, the input changes. */
export function Foreseen({ botId, draft, ended, text, value }) {
  const [found, setFound] = useState(null);
  const counted = found?.basis === "history" ? "" : text;
  useEffect(() => {
    let left = false;
    const ask = () => once(estimateQuery, { botId, input: text.length > LONGEST ? null : value })
      .then((data) => { if (!left) setFound(data?.estimateExecution || null); })
      // A text with mistakes has no estimate; its marks say why.
      .catch(() => { if (!left) setFound(null); });
    const timer = setTimeout(ask, found ? PAUSE_MS : 0);
    return () => { left = true; clearTimeout(timer); };
  }, [botId, draft, ended, counted]);
  if (!found) return null;
  const free = Number(found.high) === 0;
  const near = cost(found.low) === cost(found.high);
  return (
    <div className="foreseen" role="status">
      <p>
        <Icon name="coins" />
        {free ? <strong>Costs nothing</strong> : <><strong>≈ {cost(found.cost)}</strong>{near ? null : <span>{cost(found.low)} to {cost(found.high)}</span>}<span>≈ {tokens(found.tokens)} tokens</span></>}
      </p>
      <p className="field-hint">{found.explanation}{found.unpriced.length ? ` No price is known for ${found.unpriced.join(", ")}: it is assumed.` : ""}</p>
      {found.passes.map((one) => <p key={one.name} className="passes"><Icon name="triangle-alert" /> {words(one)}</p>)}
    </div>
  );
}
