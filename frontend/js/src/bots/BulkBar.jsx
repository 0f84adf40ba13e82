import { useEffect, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], .cm-editor, dialog");

/** Which bots of the list are chosen, and what to do with all of them. The boxes stand on the cards. */
export function BulkBar({ bots, answer, archived, onAct }) {
  const [chosen, setChosen] = useState(() => new Set());
  const [busy, setBusy] = useState(false);
  const ids = bots.map((b) => b.id);
  const known = new Set(ids);
  const picked = ids.filter((id) => chosen.has(id));
  const last = useRef(null);
  const now = useRef({});
  now.current = { ids, known };

  const toggle = (id, range) => setChosen((old) => {
    const next = new Set(old);
    const on = !old.has(id);
    const [a, b] = [now.current.ids.indexOf(last.current), now.current.ids.indexOf(id)];
    const some = range && a >= 0 ? now.current.ids.slice(Math.min(a, b), Math.max(a, b) + 1) : [id];
    for (const one of some) { if (on) next.add(one); else next.delete(one); }
    last.current = id;
    return next;
  });

  useEffect(() => { setBusy(false); if (answer?.done) setChosen(new Set(answer.keep || [])); }, [answer?.n]);
  useEffect(() => {
    for (const box of document.querySelectorAll("[data-select]")) {
      box.setAttribute("aria-checked", String(chosen.has(box.dataset.select)));
    }
    document.documentElement.toggleAttribute("data-choosing", picked.length > 0);
  });
  useEffect(() => {
    const onClick = (event) => {
      const box = event.target.closest?.("[data-select]");
      if (box) toggle(box.dataset.select, event.shiftKey);
    };
    const onKey = (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
      const card = document.activeElement?.closest?.("[data-bot]") || document.querySelector("[data-bot]:hover");
      if (event.key.toLowerCase() === "x" && card && now.current.known.has(card.dataset.bot)) { event.preventDefault(); toggle(card.dataset.bot, event.shiftKey); }
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) setChosen(new Set());
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
  const act = (action) => { setBusy(action !== "TAG" && action !== "DELETE"); emit(onAct, { action, ids: picked }); };
  const query = picked.map((id) => `bot=${id}`).join("&");
  const button = (action, icon, words) => (
    <button type="button" className="button small" disabled={busy} onClick={() => act(action)}><Icon name={icon} /><span>{words}</span></button>
  );
  return (
    <div className="bulk-bar" role="toolbar" aria-label="Chosen bots">
      <strong role="status">{picked.length} chosen</strong>
      {picked.length < ids.length ? <button type="button" className="button small quiet" data-offline-ok onClick={() => setChosen(new Set(ids))}>All {ids.length}</button> : null}
      <span className="spacer" />
      {button("TAG", "tag", "Tag")}
      <a className="button small" href={`/bundles/bots.zip?${query}`} download="bots.zip"><Icon name="download" /><span>Export</span></a>
      {archived ? button("UNARCHIVE", "rotate-cw", "Take back") : button("ARCHIVE", "archive", "Archive")}
      {button("DELETE", "trash-2", "Delete")}
      <button type="button" className="icon-button" data-offline-ok aria-label="Choose none" title="Choose none (Esc)" onClick={() => setChosen(new Set())}><Icon name="x" /></button>
    </div>
  );
}
