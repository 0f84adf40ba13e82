import { useEffect, useRef } from "react";
import { socket } from "./lib/socket.js";
import { emit, online } from "./lib/emit.js";
import query from "../../../graphql-schema/operations/executions_changed.graphql";
export { bind } from "./lib/bind.js";

/** Tells Python at most once a second that executions changed, so that a list may be read again. */
export function Watch({ onChange }) {
  const handler = useRef(onChange);
  handler.current = onChange;
  useEffect(() => {
    let timer = 0;
    const tell = () => { timer = 0; if (online()) emit(handler.current); };
    const stop = socket().subscribe({ query }, {
      next: () => { timer ||= setTimeout(tell, 1000); },
      error: (error) => console.warn("The list is not live:", error),
      complete: () => {},
    });
    return () => { clearTimeout(timer); stop(); };
  }, []);
  return null;
}
