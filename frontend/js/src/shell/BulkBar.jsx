import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], .cm-editor, dialog");

/** Which rows or cards of the list are chosen, and what to do with all of them. The boxes stand in the
 * list (`data-select`), `item` is the selector of what they stand in. An act with `only` is for the
 * items that have this mark. With `total` everything that the list's filter finds can be chosen too. */
export function BulkBar({ items, item, label, acts, exportTo, total, answer, onAct }) {
  const [chosen, setChosen] = useState(() => new Set());
  const [everything, setEverything] = useState(false);
  const [busy, setBusy] = useState(false);
  const ids = items.map((one) => one.id);
  const picked = items.filter(({ id }) => everything || chosen.has(id));
  const last = useRef(null);
  const now = useRef({});
  now.current = { ids, known: new Set(ids), item, everything };

  const set = (next) => { setChosen(next); setEverything(false); };
  const toggle = (id, range) => {
    const { everything: all } = now.current;
    setEverything(false);
    setChosen((old) => {
      const next = new Set(all ? now.current.ids : old);
      const on = !next.has(id);
      const [a, b] = [now.current.ids.indexOf(last.current), now.current.ids.indexOf(id)];
      const some = range && a >= 0 ? now.current.ids.slice(Math.min(a, b), Math.max(a, b) + 1) : [id];
      for (const one of some) { if (on) next.add(one); else next.delete(one); }
      last.current = id;
      return next;
    });
  };

  useEffect(() => { setBusy(false); if (answer?.done) set(new Set(answer.keep || [])); }, [answer?.n]);
  useEffect(() => {
    const on = new Set(picked.map((one) => one.id));
    for (const box of document.querySelectorAll("[data-select]")) {
      box.setAttribute("aria-checked", String(on.has(box.dataset.select)));
    }
    document.documentElement.toggleAttribute("data-choosing", picked.length > 0);
  });
  useLayoutEffect(() => {
    const onClick = (event) => {
      const box = event.target.closest?.("[data-select]");
      if (box) toggle(box.dataset.select, event.shiftKey);
    };
    const onKey = (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
      // A click leaves the focus on its box; the pointer is elsewhere by then.
      const under = document.querySelector(`${now.current.item}:hover`), at = document.querySelector(":focus-visible")?.closest(now.current.item) || under || document.activeElement?.closest?.(now.current.item);
      const id = at?.querySelector("[data-select]")?.dataset.select;
      if (event.key.toLowerCase() === "x" && now.current.known.has(id)) { event.preventDefault(); toggle(id, event.shiftKey); }
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) set(new Set());
    };
    document.addEventListener("click", onClick);
    document.addEventListener("keydown", onKey);
    document.documentElement.setAttribute("data-choosable", "");
    return () => {
      document.documentElement.removeAttribute("data-choosable");
      document.removeEventListener("click", onClick);
      document.removeEventListener("keydown", onKey);
      document.documentElement.removeAttribute("data-choosing");
    };
  }, []);

  if (!picked.length) return null;
  const whole = picked.length === ids.length;
  const query = picked.map(({ id }) => `bot=${id}`).join("&");
  const button = ({ action, icon, words, only, asks }) => {
    const fit = picked.filter((one) => !only || one[only]);
    const send = () => { setBusy(!asks); emit(onAct, { action, ids: fit.map((one) => one.id), everything }); };
    const count = only && !everything && fit.length < picked.length && fit.length ? ` ${fit.length}` : "";
    return <button key={action} type="button" className="button small" disabled={busy || !fit.length} onClick={send}><Icon name={icon} /><span>{words}{count}</span></button>;
  };
  return (
    <div className="bulk-bar" role="toolbar" aria-label={label}>
      <strong role="status">{everything ? total : picked.length} chosen</strong>
      {!whole ? <button type="button" className="button small quiet" data-offline-ok onClick={() => set(new Set(ids))}>All {ids.length}</button> : null}
      {whole && !everything && total > ids.length ? <button type="button" className="button small quiet" data-offline-ok onClick={() => setEverything(true)}>All {total}</button> : null}
      <span className="spacer" />
      {acts.filter((one) => !one.last).map(button)}
      {exportTo ? <a className="button small" href={`${exportTo}?${query}`} download={exportTo.split("/").pop()}><Icon name="download" /><span>Export</span></a> : null}
      {acts.filter((one) => one.last).map(button)}
      <button type="button" className="icon-button" data-offline-ok aria-label="Choose none" title="Choose none (Esc)" onClick={() => set(new Set())}><Icon name="x" /></button>
    </div>
  );
}
