import { useEffect, useState } from "react";
import { useChanges } from "./lib/changes.js";
import { once } from "./lib/socket.js";
import { emit } from "./lib/emit.js";
import waitingQuery from "../../../graphql-schema/operations/approvals_waiting.graphql";
export { bind } from "./lib/bind.js";
export { Notifications } from "./shell/Notifications.jsx";
export { RowKeys } from "./shell/RowKeys.jsx";
export { Now } from "./shell/Now.jsx";

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
