import { useEffect, useRef } from "react";
import { online } from "./emit.js";
import { socket } from "./socket.js";
import query from "../../../../graphql-schema/operations/executions_changed.graphql";

const watched = new Set();
let stopListening = null;

/** One line for all that is watched. They look one after the other: many at once would be too much for a socket. */
function listen() {
  const look = async ({ ids, resync }) => {
    for (const one of [...watched]) if (resync || ids.includes(one.id)) await one.look();
  };
  const deaf = () => { stopListening = null; };
  return socket().subscribe({ query }, {
    next: ({ data }) => { if (data) look(data.executionsChanged); },
    error: (error) => { deaf(); console.warn("Changes are not told:", error); },
    complete: deaf,
  });
}

/** Has this very execution looked at: now, whenever it has changed, and when the line was away and is back. Returns how to stop. */
export function watchOne(id, look) {
  const one = { id, look };
  watched.add(one);
  // Whoever begins to listen is told to look at everything.
  if (stopListening) look(); else stopListening = listen();
  return () => {
    watched.delete(one);
    if (watched.size) return;
    stopListening?.();
    stopListening = null;
  };
}

/** Calls at most once in `pause` while executions change. */
export function useChanges(tell, pause) {
  const handler = useRef(tell);
  handler.current = tell;
  useEffect(() => {
    let timer = 0;
    const run = () => { timer = 0; if (online()) handler.current(); };
    const stop = socket().subscribe({ query }, {
      next: () => { timer ||= setTimeout(run, pause); },
      error: (error) => console.warn("The list is not live:", error),
      complete: () => {},
    });
    return () => { clearTimeout(timer); stop(); };
  }, []);
}
