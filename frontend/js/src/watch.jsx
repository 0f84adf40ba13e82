import { useEffect, useRef, useState } from "react";
import { once, socket } from "./lib/socket.js";
import { emit, online } from "./lib/emit.js";
import query from "../../../graphql-schema/operations/executions_changed.graphql";
import waitingQuery from "../../../graphql-schema/operations/approvals_waiting.graphql";
export { bind } from "./lib/bind.js";
export { Notifications } from "./shell/Notifications.jsx";
export { RowKeys } from "./shell/RowKeys.jsx";
export { Now } from "./shell/Now.jsx";

/** Calls at most once in `pause` while executions change. */
function useChanges(tell, pause) {
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

/** Tells Python that executions changed, so that a list may be read again. */
export function Watch({ onChange }) {
  useChanges(() => emit(onChange), 1000);
  return null;
}

/** How many questions wait for a person. */
export function WaitingCount() {
  const [number, setNumber] = useState(0);
  const read = async () => {
    try {
      setNumber((await once(waitingQuery, {})).approvals.totalCount);
    } catch (error) {
      console.warn("The questions could not be counted:", error);
    }
  };
  useEffect(() => { read(); }, []);
  useChanges(read, 1500);
  return number ? <span className="count">{number}<span className="visually-hidden"> waiting</span></span> : null;
}
export { BulkBar } from "./shell/BulkBar.jsx";
