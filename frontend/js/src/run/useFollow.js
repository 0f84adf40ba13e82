import { useCallback, useLayoutEffect, useRef, useState } from "react";

const NEAR = 24;

/** Keeps the end of growing text in view until the reader scrolls up; then leaves them alone. */
export function useFollow(content, active) {
  const box = useRef(null);
  const following = useRef(true);
  const [away, setAway] = useState(false);

  useLayoutEffect(() => {
    const el = box.current;
    if (el && active && following.current) el.scrollTop = el.scrollHeight;
  }, [content, active]);

  const onScroll = useCallback(() => {
    const el = box.current;
    const near = el.scrollHeight - el.scrollTop - el.clientHeight < NEAR;
    following.current = near;
    setAway(!near);
  }, []);
  const jump = useCallback(() => {
    following.current = true;
    setAway(false);
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, []);
  return { box, onScroll, jump, away: away && active };
}
