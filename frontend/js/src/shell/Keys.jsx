import { useEffect, useMemo, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";

const SHORTCUTS = [
  ["Ctrl K", "Go to a bot, a page or a command"], ["?", "Show this list"], ["g b", "Go to bots"],
  ["g e", "Go to executions"], ["g a", "Go to approvals"], ["g q", "Go to the queue"], ["g c", "Go to AI connections"], ["g m", "Go to costs"], ["g s", "Go to the settings"], ["A", "Approve the question that is marked"], ["R", "Reject it, with a reason"], ["1 … 9", "Take the choice with this number"],
  ["M", "Modify its arguments"], ["j k", "Down and up in a list; Enter opens"], ["/", "Jump to the filter"], ["Ctrl Enter", "Run the open bot"],
  ["Ctrl S", "Save the draft now"], ["Alt Shift F", "Format the text of the bot"],
  ["Ctrl Z", "Undo, also what was written before the page was opened"], ["x", "Choose a bot or an execution of the list; with Shift, all between"],
  ["F2", "Rename the entity at the cursor, everywhere"], ["Ctrl Shift Space", "Show what a tool or function takes"],
  ["F12", "Go to where a name is defined (or Ctrl and click)"], ["Esc", "Close the top layer"],
];

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], .cm-editor");
const follow = (path) => {
  const link = document.createElement("a");
  link.href = path;
  document.body.append(link);
  link.click();
  link.remove();
};

const PAGES = [
  { label: "Bots", path: "/bots", icon: "bot", kind: "Page" },
  { label: "Executions", path: "/executions", icon: "activity", kind: "Page" },
  { label: "Approvals", path: "/approvals", icon: "hand", kind: "Page" },
  { label: "Queue", path: "/queue", icon: "list-ordered", kind: "Page" },
  { label: "Incidents", path: "/incidents", icon: "triangle-alert", kind: "Page" },
  { label: "AI connections", path: "/connections", icon: "plug", kind: "Page" },
  { label: "Costs and budgets", path: "/costs", icon: "wallet", kind: "Page" },
  { label: "Members and roles", path: "/settings/members", icon: "users", kind: "Settings" },
  { label: "API tokens", path: "/settings/tokens", icon: "key-round", kind: "Settings" },
  { label: "Your account, password and sessions", path: "/settings/account", icon: "user", kind: "Settings" },
  { label: "Audit log", path: "/settings/audit", icon: "scroll-text", kind: "Settings" },
  { label: "Limits of executions", path: "/settings/limits", icon: "scale", kind: "Settings" },
  { label: "Workspace settings", path: "/settings/workspace", icon: "settings", kind: "Settings" },
  { label: "API explorer", path: "/explorer", icon: "terminal", kind: "Page" },
  { label: "Failed executions", path: "/executions?status=failed", icon: "circle-x", kind: "Page" },
];

function Palette({ bots, closed, onClose }) {
  const ref = useRef(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  useEffect(() => { ref.current?.showModal(); }, []);
  const items = useMemo(() => {
    const all = [...PAGES.filter((page) => !closed?.includes(page.path)), ...(bots || []).map((b) => (
      { label: b.name, path: `/bots/${b.id}`, icon: "bot", kind: "Bot" }))];
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return all.filter((i) => words.every((w) => i.label.toLowerCase().includes(w))).slice(0, 9);
  }, [text, bots, closed]);
  const choose = (item) => { ref.current?.close(); if (item) follow(item.path); };
  const onKey = (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); setAt((i) => Math.min(i + 1, items.length - 1)); }
    if (event.key === "ArrowUp") { event.preventDefault(); setAt((i) => Math.max(i - 1, 0)); }
    if (event.key === "Enter") { event.preventDefault(); choose(items[at]); }
  };
  return (
    <dialog ref={ref} className="palette" aria-label="Go to" onClose={onClose}
      onClick={(e) => { if (e.target === ref.current) ref.current.close(); }}>
      <div className="palette-input">
        <Icon name="search" />
        <input autoFocus value={text} aria-label="Go to a bot or a page" placeholder="Go to a bot or a page"
          role="combobox" aria-expanded="true" aria-controls="palette-list"
          aria-activedescendant={items[at] ? `palette-${at}` : undefined}
          onChange={(e) => { setText(e.target.value); setAt(0); }} onKeyDown={onKey} />
        <kbd>Esc</kbd>
      </div>
      <ul id="palette-list" role="listbox" aria-label="Places">
        {items.map((item, i) => (
          <li key={item.path} id={`palette-${i}`} role="option" aria-selected={i === at}
            onMouseMove={() => setAt(i)} onClick={() => choose(item)}>
            <Icon name={item.icon} /><span>{item.label}</span><small>{item.kind}</small>
          </li>
        ))}
      </ul>
      {items.length ? null : <p className="palette-none">Nothing is called “{text}”.</p>}
    </dialog>
  );
}

function Help({ onClose }) {
  const ref = useRef(null);
  useEffect(() => { ref.current?.showModal(); }, []);
  return (
    <dialog ref={ref} className="dialog" aria-labelledby="help-title" onClose={onClose}
      onClick={(e) => { if (e.target === ref.current) ref.current.close(); }}>
      <header>
        <h2 id="help-title">Keyboard</h2>
        <button type="button" className="icon-button" aria-label="Close" onClick={() => ref.current.close()}>
          <Icon name="x" />
        </button>
      </header>
      <dl className="keys">
        {SHORTCUTS.map(([keys, text]) => (
          <div key={keys}><dt>{keys.split(" ").map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{text}</dd></div>
        ))}
      </dl>
    </dialog>
  );
}

/** The palette and the help, and the keys that open them from anywhere. */
export function Keys({ bots, closed, onOpen }) {
  const [layer, setLayer] = useState(null);
  const opened = useRef(onOpen);
  opened.current = onOpen;
  useEffect(() => {
    let prefix = 0;
    const openPalette = () => { emit(opened.current); setLayer("palette"); };
    const onKey = (event) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        return openPalette();
      }
      if (event.key === "Escape") {
        const menu = document.querySelector("details[data-menu][open]");
        if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
      }
      if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return undefined;
      if (event.key === "?") return setLayer("help");
      if (event.key === "/") {
        const field = document.querySelector("[data-filter] input");
        if (field) { event.preventDefault(); field.focus(); }
        return undefined;
      }
      if (event.key === "g") { prefix = Date.now(); return undefined; }
      if (Date.now() - prefix < 900) {
        prefix = 0;
        if (event.key === "b") follow("/bots");
        if (event.key === "e") follow("/executions");
        if (event.key === "q") follow("/queue");
        const there = { a: "/approvals", c: "/connections", m: "/costs", s: "/settings/members" }[event.key];
        if (there) { event.stopImmediatePropagation(); follow(there); }
      }
      return undefined;
    };
    const onOpenEvent = (event) => (event.detail === "help" ? setLayer("help") : openPalette());
    const onClick = (event) => {
      for (const menu of document.querySelectorAll("details[data-menu][open]")) {
        if (!event.target.closest("summary") || !menu.contains(event.target)) menu.open = false;
      }
      const opener = event.target.closest?.("[data-layer]");
      if (opener) onOpenEvent({ detail: opener.dataset.layer });
    };
    window.addEventListener("keydown", onKey, true);
    document.addEventListener("click", onClick);
    return () => {
      window.removeEventListener("keydown", onKey, true);
      document.removeEventListener("click", onClick);
    };
  }, []);
  if (layer === "palette") return <Palette bots={bots} closed={closed} onClose={() => setLayer(null)} />;
  return layer === "help" ? <Help onClose={() => setLayer(null)} /> : null;
}
