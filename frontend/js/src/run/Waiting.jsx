import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";

const sentence = (text) => (/[.!?…]$/.test(text) ? text : `${text}.`);

function Retry({ run, steps }) {
  const note = steps.map((s) => s.note).find((n) => n?.retryIn);
  const seconds = run.waiting?.seconds ?? note?.retryIn;
  const from = run.waiting?.at ?? note?.at;
  const until = seconds && from ? new Date(new Date(from).getTime() + seconds * 1000).toISOString() : null;
  return (
    <>
      {note?.message ? <><Words text={sentence(note.message)} />{" "}</> : null}
      {until ? <>It tries again in <bb-left until={until} />. </> : "It tries again in a moment. "}
      Nothing has to be done; cancel it if you do not want to wait.
    </>
  );
}

const SAYINGS = {
  APPROVAL: ["Waits for a decision", "A person has to decide before it goes on. No worker is held and nothing is spent meanwhile."],
  OUTCOME_UNKNOWN: ["Nobody knows whether a step happened", "A worker was lost in the middle of a call that must not be made twice. Look at the other side, then say below what is true."],
  BUDGET: ["The budget is spent", "It goes on when the budget has room again: raise it, or wait for the next period. Cancel it if you want neither."],
  QUEUE: ["Waits for its turn", "The limit of executions or calls at once is reached. It goes on by itself as soon as one ends."],
};

/** Why nothing moves, in words, and what to do about it. */
export function Waiting({ run, steps, children }) {
  if (run.status === "PAUSED") {
    return (
      <section className="waiting" aria-label="Paused" data-kind="PAUSED">
        <header><Icon name="pause" /><div>
          <h2>Paused{run.held?.by ? <> by {run.held.by}</> : null}</h2>
          <p>{run.held?.reason ? <>“{run.held.reason}” </> : null}Nothing runs and nothing is spent. Resume goes on from here; Step takes exactly one action and holds again.</p>
        </div></header>
        {children}
      </section>
    );
  }
  if (run.status !== "WAITING") return children || null;
  const reason = run.waiting?.reason;
  const child = steps.map((s) => (s.status === "WAITING" || s.status === "RUNNING" ? s.child : null)).find(Boolean);
  const words = {
    RETRY: ["Waits before the next try", <Retry key="r" run={run} steps={steps} />],
    CHILD: ["Waits for another bot", child
      ? <>It goes on by itself when <a href={`/executions/${child.id}`}>{child.name || "that execution"}</a> has ended.</>
      : "It goes on by itself when the execution that it started has ended."],
    WAIT: ["Waits as the program says", run.waiting?.seconds
      ? <>It goes on by itself in <bb-left until={new Date(new Date(run.waiting.at).getTime() + run.waiting.seconds * 1000).toISOString()} />.</>
      : "It goes on by itself when the time has come."],
  };
  const [title, text] = words[reason] || SAYINGS[reason] || ["Waits", "It goes on by itself."];
  return (
    <section className="waiting" aria-label={title} data-kind={reason}>
      <header><Icon name={reason === "APPROVAL" || reason === "OUTCOME_UNKNOWN" ? "hand" : "clock"} /><div><h2>{title}</h2><p>{text}</p></div></header>
      {children}
    </section>
  );
}
