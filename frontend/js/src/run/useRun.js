import { useEffect, useRef, useState } from "react";
import { watchOne } from "../lib/changes.js";
import { once, socket } from "../lib/socket.js";
import { isFinal } from "../lib/format.js";
import { apply, enrich, park, settle, startOf } from "./fold.js";
import eventsQuery from "../../../../graphql-schema/operations/execution_events.graphql";
import executionQuery from "../../../../graphql-schema/operations/execution.graphql";
import standingQuery from "../../../../graphql-schema/operations/execution_standing.graphql";

const PAINT_MS = 100;
const RETRY_MS = 1000;
const DELETED = "This execution was deleted meanwhile, by the retention of its bot or by somebody.";

/** What was deleted by the retention is no hole: nobody can give it any more. */
function skipDeleted(run, gaps, until) {
  for (const { fromSeq, toSeq } of gaps) {
    if (fromSeq <= run.lastSeq + 1 && toSeq < until && toSeq > run.lastSeq) {
      run.lastSeq = toSeq;
      run.pruned = true;
    }
  }
}

/** Follows one execution from its first event. After a lost line it goes on behind the last number it has. */
function follow(run, onPaint, onDone, onTrouble) {
  const variables = { executionId: run.id, after: 0 };
  let timer = 0;
  let stop = () => {};
  let closed = false;
  const paint = () => { timer = 0; onPaint(); };

  const take = (batch) => {
    const gaps = [...(batch.gaps || [])];
    for (const event of batch.events) {
      skipDeleted(run, gaps, event.seq);
      if (event.seq > run.lastSeq + 1) return restart();
      if (apply(run, event)) run.events.push(event);
    }
    // The client sends these variables again when it reconnects.
    variables.after = run.lastSeq;
    timer ||= setTimeout(paint, PAINT_MS);
    if (batch.deleted) gone();
    else if (batch.done) finish();
    return undefined;
  };
  const gone = () => {
    closed = true;
    clearTimeout(timer);
    stop();
    run.deleted = true;
    onPaint();
    onTrouble(DELETED);
  };
  // The page has shown it, so it was there when the page was opened.
  const refused = ([error]) => (error.extensions?.code === "NOT_FOUND" ? gone() : onTrouble(error.message));
  const finish = () => {
    if (closed) return;
    closed = true;
    clearTimeout(timer);
    stop();
    onDone();
  };
  const restart = () => {
    stop();
    if (!closed) start();
  };
  const start = () => {
    stop = socket().subscribe({ query: eventsQuery, variables }, {
      next: ({ data, errors }) => (errors ? refused(errors) : take(data.executionEvents)),
      error: (error) => (Array.isArray(error) ? refused(error) : onTrouble("The live line was refused.")),
      complete: () => {
        if (closed) return;
        if (isFinal(run.status)) finish();
        else setTimeout(restart, RETRY_MS);
      },
    });
  };
  start();
  return () => { closed = true; clearTimeout(timer); stop(); };
}

/** What no event tells: that it waits for a place of its bot, and that it was deleted after its end. */
function watchStanding(run, onParked, onDeleted) {
  return watchOne(run.id, async () => {
    if (run.status === "RUNNING" || run.deleted) return;
    try {
      const data = await once(standingQuery, { id: run.id });
      if (data && !data.execution) onDeleted();
      else if (data && park(run, data.execution)) onParked();
    } catch (error) {
      console.warn("It could not be looked at again:", error);
    }
  });
}

/** The state of one execution, live while it runs and settled from the tables when it has ended. */
export function useRun(executionId, snapshot, onFinished, withStory = false) {
  const [, repaint] = useState(0);
  const run = useRef(null);
  const facts = useRef(snapshot);
  const [trouble, setTrouble] = useState(null);
  if (!run.current || run.current.id !== executionId) {
    run.current = startOf(snapshot || { id: executionId, status: "PENDING", createdAt: new Date().toISOString() });
    run.current.events = [];
    facts.current = snapshot;
    if (snapshot && isFinal(snapshot.status)) settle(run.current, snapshot);
  }

  useEffect(() => {
    const target = run.current;
    if (!executionId) return undefined;
    let left = false;
    const paint = () => { if (!left) repaint((n) => n + 1); };
    const deleted = () => {
      target.deleted = true;
      if (!left) setTrouble(DELETED);
    };
    const stopWatching = withStory ? watchStanding(target, paint, deleted) : () => {};
    if (isFinal(target.status)) {
      // The tables have said how it ended; its events tell the story on the way, where they are wanted.
      if (!withStory) return undefined;
      const folded = { ...startOf({ id: executionId, status: "PENDING", createdAt: target.createdAt }), events: [] };
      const stopReading = follow(folded, () => {}, () => {
        enrich(target, folded);
        target.events = folded.events;
        paint();
      }, () => {});
      return () => { left = true; stopReading(); stopWatching(); };
    }
    const done = async () => {
      try {
        const answer = await once(executionQuery, { id: executionId });
        if (answer?.execution) { facts.current = answer.execution; settle(target, answer.execution); }
        else if (answer) deleted();
      } catch (error) {
        console.warn("The final numbers could not be read:", error);
      }
      paint();
      if (!left) onFinished?.(target.status);
    };
    const stop = follow(target, paint, done, (text) => { if (!left) setTrouble(text); });
    return () => { left = true; stop(); stopWatching(); };
  }, [executionId]);
  return { run: run.current, facts: facts.current, trouble };
}
