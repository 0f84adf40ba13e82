import { Fragment, useEffect, useState } from "react";
import { once } from "../lib/socket.js";
import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";
import awaitedQuery from "../../../../graphql-schema/operations/awaited_events.graphql";

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
  BUDGET: ["The budget is spent", <>It goes on when the budget has room again: <a href="/costs">raise it</a>, or wait for the next period. Cancel it if you want neither.</>],
  QUEUE: ["Waits for a place", <>Its bot runs as many at once as it may. It goes on by itself as soon as one of them ends or waits: see the <a href="/queue">queue</a>.</>],
};

/** The events that its steps wait for. The events of the execution only say that it waits. */
function useAwaited(executionId, reason) {
  const [found, setFound] = useState([]);
  useEffect(() => {
    setFound([]);
    if (reason !== "WAIT") return undefined;
    let left = false;
    once(awaitedQuery, { id: executionId })
      .then((data) => { if (!left) setFound(data?.execution?.awaitedEvents || []); })
      .catch((error) => console.warn("What it waits for could not be read:", error));
    return () => { left = true; };
  }, [executionId, reason]);
  return found;
}

/** When what it waited for has come it waits for a place like one that has not begun. */
const hasNoPlace = (run) => Boolean(run.parked) && ["PENDING", "WAITING"].includes(run.status);

/** The words for where it stands: what kind, which heading, why; null while it goes on. */
function standing(run, steps, events, { askedBelow, busyBelow }) {
  if (run.status === "PAUSED") {
    return { kind: "PAUSED", label: "Paused", icon: "pause", title: <>Paused{run.held?.by ? <> by {run.held.by}</> : null}</>,
      text: <>{run.held?.reason ? <>“{run.held.reason}” </> : null}{busyBelow ? "A bot that it started finishes what it does just now; then nothing runs" : "Nothing runs"} and nothing is spent. Resume goes on from here; Step takes exactly one action and holds again.</> };
  }
  if (run.status !== "WAITING" && !hasNoPlace(run)) return null;
  const kind = hasNoPlace(run) ? "QUEUE" : run.waiting?.reason;
  const child = steps.map((s) => (s.status === "WAITING" || s.status === "RUNNING" ? s.child : null)).find(Boolean);
  const until = run.waiting?.seconds ? new Date(new Date(run.waiting.at).getTime() + run.waiting.seconds * 1000).toISOString() : null;
  const words = {
    RETRY: ["Waits before the next try", <Retry key="r" run={run} steps={steps} />],
    CHILD: ["Waits for another bot", child
      ? <>It goes on by itself when <a href={`/executions/${child.id}`}>{child.name || "that execution"}</a> has ended.</>
      : "It goes on by itself when the execution that it started has ended."],
    WAIT: ["Waits as the program says", until ? <>It goes on by itself in <bb-left until={until} />.</> : "It goes on by itself when the time has come."],
  };
  if (askedBelow && child) words.CHILD[1] = <>It goes on when <a href={`/executions/${child.id}`}>{child.name || "that execution"}</a> has ended, which waits for the decision below.</>;
  if (events.length) words.WAIT = ["Waits for an event", <>It goes on when somebody tells of {events.map((one, i) => <Fragment key={one.stepKey}>{i ? ", " : ""}<code>{one.name}</code></Fragment>)}{until ? <>, at most for another <bb-left until={until} /></> : null}: with <code>emitEvent</code>, from a terminal, or here.</>];
  const [title, text] = words[kind] || SAYINGS[kind] || ["Waits", "It goes on by itself."];
  return { kind, label: title, title, text, icon: kind === "APPROVAL" || kind === "OUTCOME_UNKNOWN" ? "hand" : "clock" };
}

function SendButtons({ events, onSend }) {
  if (!events.length || !onSend) return null;
  const names = [...new Set(events.map((one) => one.name))].slice(0, 4);
  return (
    <>
      <span className="spacer" />
      {names.map((name) => <button key={name} type="button" className="button" onClick={() => onSend(name)}><Icon name="send" /> {names.length > 1 ? `Send ${name}` : "Send this event"}</button>)}
    </>
  );
}

/** Why nothing moves, in words, and what to do about it. The questions stand in the same place of the
 * tree whatever the status is: one that is being answered keeps what was typed when others end. */
export function Waiting({ run, steps, askedBelow, busyBelow, onSend, children }) {
  const reason = run.status === "WAITING" && !hasNoPlace(run) ? run.waiting?.reason : null;
  const events = useAwaited(run.id, reason);
  const now = standing(run, steps, events, { askedBelow, busyBelow });
  if (!now && !children?.length) return null;
  return (
    <section className={now ? "waiting" : "waiting going-on"} aria-label={now?.label || "Questions"} data-kind={now?.kind}>
      {now ? <header key="why"><Icon name={now.icon} /><div><h2>{now.title}</h2><p>{now.text}</p></div><SendButtons events={reason ? events : []} onSend={onSend} /></header> : null}
      {children}
    </section>
  );
}
