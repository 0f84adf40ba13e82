import { useEffect, useRef } from "react";
import { online } from "./emit.js";
import { socket } from "./socket.js";
import query from "../../../../graphql-schema/operations/executions_changed.graphql";

/** Calls when this very execution has changed; returns how to stop. */
export function watchOne(executionId, tell) {
  return socket().subscribe({ query }, {
    next: ({ data }) => { if (data?.executionsChanged.ids.includes(executionId)) tell(); },
    error: (error) => console.warn("Changes are not told:", error),
    complete: () => {},
  });
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
