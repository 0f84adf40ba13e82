import { useEffect, useRef, useState } from "react";
import { send } from "./request.js";

const MOST_ANSWERS = 200;
const NOTHING = { count: 0, last: null };

/** Sends what `asked` gives, one at a time, and shows each answer by `show`. */
export function useRequest(asked, show) {
  const [problem, setProblem] = useState("");
  const [running, setRunning] = useState(false);
  const [answers, setAnswers] = useState(NOTHING);
  const stop = useRef(null);
  useEffect(() => () => stop.current?.(), []);

  const end = () => { stop.current = null; setRunning(false); };
  const halt = () => { stop.current?.(); end(); };
  /** Runs `act` and shows in words what it throws. */
  const guarded = async (act) => {
    setProblem("");
    try {
      await act();
    } catch (error) {
      setProblem(error.message);
    }
  };
  const run = () => {
    halt();
    setAnswers(NOTHING);
    show("");
    const seen = [];
    guarded(() => {
      const request = asked();
      setRunning(true);
      stop.current = send(request, {
        onNext: (found) => {
          seen.push(found.body);
          if (seen.length > MOST_ANSWERS) seen.shift();
          setAnswers((now) => ({ count: now.count + 1, last: found }));
          show(JSON.stringify(seen.length > 1 ? seen : found.body, null, 2));
        },
        onEnd: end,
        onError: (error) => {
          setProblem(error.message || "The connection to the server is gone. Send it again.");
          end();
        },
      });
    });
  };
  return { problem, running, answers, run, halt, guarded };
}
