import { useEffect, useRef, useState } from "react";
import { once, socket } from "../lib/socket.js";
import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";
import query from "../../../../graphql-schema/operations/notifications.graphql";
import changedQuery from "../../../../graphql-schema/operations/notifications_changed.graphql";
import readMutation from "../../../../graphql-schema/operations/read_notifications.graphql";
import dismissMutation from "../../../../graphql-schema/operations/dismiss_notifications.graphql";

/** How many are not read, told by the server at once and whenever it changes. */
function useUnread() {
  const [unread, setUnread] = useState(0);
  const [turn, setTurn] = useState(0);
  useEffect(() => socket().subscribe({ query: changedQuery }, {
    next: ({ data }) => { if (data?.notificationsChanged) { setUnread(data.notificationsChanged.unread); setTurn((n) => n + 1); } },
    error: (error) => console.warn("The bell is not live:", error),
    complete: () => {},
  }), []);
  return [unread, setUnread, turn];
}

const placeOf = ({ source }) => {
  if (source?.kind === "approval" && source.approvalId) return "/approvals";
  if (source?.kind === "budget") return "/costs";
  if (!source?.executionId) return null;
  return `/executions/${source.executionId}${source.stepKey ? `?step=${encodeURIComponent(source.stepKey)}` : ""}`;
};

function Item({ one, onOpen, onDismiss }) {
  const place = placeOf(one);
  const words = <><strong>{one.title}</strong><span className="told"><Words text={one.message} plain /></span><small><bb-ago value={one.createdAt} /></small></>;
  return (
    <li data-unread={one.readAt ? undefined : "yes"} data-priority={one.priority}>
      <i aria-hidden="true" />
      {place ? <a href={place} onClick={() => onOpen(one)}>{words}</a> : <button type="button" className="plain" onClick={() => onOpen(one)}>{words}</button>}
      {one.readAt ? null : <span className="visually-hidden">not read</span>}
      <button type="button" className="icon-button" aria-label={`Put away: ${one.title}`} title="Put away" onClick={() => onDismiss(one)}><Icon name="x" /></button>
    </li>
  );
}

function List({ items, problem, unread, more, onOpen, onDismiss, onReadAll, onMore }) {
  return (
    <div className="bell-list" role="dialog" aria-label="Notifications">
      <header><h2>Notifications</h2><span className="spacer" />
        <button type="button" className="button small quiet" disabled={!unread} onClick={onReadAll}><Icon name="check" /> Mark all read</button></header>
      {problem ? <p className="note" role="alert">{problem}</p> : null}
      {items === null && !problem ? <div className="skeleton-lines" aria-hidden="true"><i /><i /><i /></div> : null}
      {items?.length === 0 ? <p className="bell-none"><Icon name="inbox" />Nothing to tell. Bots write here with <code>send_notification</code>; what waits for you is told here, too.</p> : null}
      {items?.length ? <ul>{items.map((one) => <Item key={one.id} {...{ one, onOpen, onDismiss }} />)}</ul> : null}
      {more ? <button type="button" className="button small quiet more" onClick={onMore}>Older ones</button> : null}
    </div>
  );
}

/** The bell: what was told to this person, live. */
export function Notifications() {
  const [unread, setUnread, turn] = useUnread();
  const [open, setOpen] = useState(false);
  const [page, setPage] = useState({ items: null, size: 20, more: false });
  const [problem, setProblem] = useState(null);
  const box = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    let left = false;
    once(query, { first: page.size })
      .then((data) => { if (!left) { setProblem(null); setPage((old) => ({ ...old, items: data.notifications.nodes, more: data.notifications.pageInfo.hasNextPage })); } })
      .catch((error) => { if (!left) setProblem(error.message); });
    return () => { left = true; };
  }, [open, turn, page.size]);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => { if (!box.current?.contains(event.target)) setOpen(false); };
    const key = (event) => { if (event.key === "Escape") { setOpen(false); box.current?.querySelector("button").focus(); } };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", key);
    return () => { document.removeEventListener("pointerdown", outside); document.removeEventListener("keydown", key); };
  }, [open]);
  const change = (mutation, input, items) => {
    setPage((old) => ({ ...old, items: items(old.items || []) }));
    once(mutation, { input })
      .then((data) => { const payload = Object.values(data)[0]; if (payload.errors.length) setProblem(payload.errors[0].message); else if (payload.unread !== null) setUnread(payload.unread); })
      .catch((error) => setProblem(error.message));
  };
  const now = () => new Date().toISOString();
  const read = (one) => {
    setOpen(false);
    if (!one.readAt) change(readMutation, { ids: [one.id] }, (items) => items.map((i) => (i.id === one.id ? { ...i, readAt: now() } : i)));
  };
  const word = unread ? `Notifications, ${unread} not read` : "Notifications";
  return (
    <div className="bell" ref={box}>
      <button type="button" className="icon-button" aria-label={word} title={word} aria-expanded={open} onClick={() => setOpen(!open)} data-offline-ok>
        <Icon name="bell" />{unread ? <span className="count">{unread > 99 ? "99+" : unread}</span> : null}<span className="bell-word" aria-hidden="true">Alerts</span>
      </button>
      {open ? <List items={page.items} problem={problem} unread={unread} more={page.more} onOpen={read}
        onDismiss={(one) => change(dismissMutation, { ids: [one.id] }, (items) => items.filter((i) => i.id !== one.id))}
        onReadAll={() => change(readMutation, {}, (items) => items.map((i) => ({ ...i, readAt: i.readAt || now() })))}
        onMore={() => setPage((old) => ({ ...old, size: Math.min(old.size + 20, 100) }))} /> : null}
    </div>
  );
}
