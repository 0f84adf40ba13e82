import { useEffect, useState } from "react";
import { socket } from "../lib/socket.js";
import { cost, tokens } from "../lib/format.js";
import query from "../../../../graphql-schema/operations/metrics_tick.graphql";

const FACTS = [
  ["Running", (t) => t.running], ["Queued", (t) => t.queued], ["Waiting", (t) => t.waiting],
  ["Started / min", (t) => tokens(t.started)], ["Failed / min", (t) => tokens(t.failed)],
  ["Tokens / min", (t) => tokens(t.tokens)], ["Cost / min", (t) => cost(t.cost)],
];

/** How busy the workspace is, as it changes. */
export function Now() {
  const [tick, setTick] = useState(null);
  useEffect(() => socket().subscribe({ query }, {
    next: (found) => { if (found.data?.metricsTick) setTick(found.data.metricsTick); },
    error: (error) => console.warn("The figures are not live:", error),
    complete: () => {},
  }), []);
  return (
    <dl className="fact-strip" aria-label="Now">
      {FACTS.map(([name, read]) => <div key={name}><dt>{name}</dt><dd>{tick ? read(tick) : "…"}</dd></div>)}
    </dl>
  );
}
