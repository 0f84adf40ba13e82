import { useEffect } from "react";

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], dialog, [role=menu]");

/** J and K, or the arrows, go through the rows of a list; Enter opens, as on any link. */
export function RowKeys({ rows }) {
  useEffect(() => {
    const onKey = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      const links = [...document.querySelectorAll(rows)];
      const at = links.indexOf(document.activeElement);
      const by = { j: 1, k: -1, ...(at >= 0 ? { ArrowDown: 1, ArrowUp: -1 } : {}) }[event.key];
      const next = by && links[at < 0 ? 0 : at + by];
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [rows]);
  return null;
}
