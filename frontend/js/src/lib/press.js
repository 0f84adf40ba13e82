import { useRef } from "react";
import { emit } from "./emit.js";

/** A press that is sent twice, by a double click or over a broken line, still starts one execution. */
export const onceKey = () => `web-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;

/** Sends with a key that stays the same until something else is asked for. What was begun is shown on a
 * page of its own, so who comes back to ask once more has a new key. */
export function usePress() {
  const last = useRef(null);
  return (handler, what, message = {}) => {
    const text = JSON.stringify([what, message]);
    if (last.current?.text !== text) last.current = { text, key: onceKey() };
    emit(handler, { ...message, key: last.current.key });
  };
}
