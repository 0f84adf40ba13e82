import { useLayoutEffect, useRef, useState } from "react";
import { Question } from "./Question.jsx";

/** What waits for a person. One question is the current one: A, R and M speak of it. */
export function ApprovalInbox({ approvals, answer, onDecide, canDecide }) {
  const [chosen, setChosen] = useState(null);
  const list = useRef(null);
  const found = approvals.findIndex((q) => q.id === chosen);
  const at = Math.max(found, 0);
  useLayoutEffect(() => {
    const onKey = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog")) return;
      const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      const next = approvals[at + by];
      if (!by || !next) return;
      event.preventDefault();
      setChosen(next.id);
      list.current?.querySelector(`[data-question="${CSS.escape(next.id)}"]`)?.scrollIntoView({ block: "nearest" });
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
  return (
    <div className="questions" ref={list} onFocusCapture={(e) => { const id = e.target.closest("[data-question]")?.dataset.question; if (id) setChosen(id); }}>
      {approvals.map((q, i) => <Question key={q.id} q={q} keys={i === at} current={i === at && approvals.length > 1} answer={answer} onDecide={onDecide} canDecide={canDecide} />)}
    </div>
  );
}
