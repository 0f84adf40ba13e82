import { useEffect, useRef } from "react";
import { desk } from "../lib/desk.js";
import { emit, online } from "../lib/emit.js";

const here = () => ({ path: location.pathname, query: location.search.replace(/^\?/, "") });

const PROMPT_MS = 2000;
const PATIENCE_MS = 60_000;
let turn = 0;

function headingOfHere() {
  const main = document.querySelector("main");
  return main?.dataset.path === location.pathname ? main.querySelector("h1") : null;
}

/** The page behind a link arrives a round trip later, on a slow line much later: wait for its heading,
 * then read it out. Who has gone on meanwhile, to another place or with the keyboard, is left alone. */
function focusHeading() {
  const started = Date.now();
  const mine = (turn += 1);
  const active = document.activeElement;
  const look = () => {
    if (mine !== turn) return;
    const heading = headingOfHere();
    const waited = Date.now() - started;
    if (heading) {
      if (waited > PROMPT_MS && ![active, document.body].includes(document.activeElement)) return;
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    } else if (waited < PATIENCE_MS) {
      setTimeout(look, 40);
    }
  };
  setTimeout(look, 30);
}

function linkOf(event) {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || link.hasAttribute("download") || link.dataset.full !== undefined) return null;
  return link.origin === location.origin && !link.getAttribute("href").startsWith("#") ? link : null;
}

/** Keeps the address bar and Python's idea of the place in step, over one socket for the whole visit. */
export function NavBridge({ goto, onNavigate }) {
  const handler = useRef(onNavigate);
  handler.current = onNavigate;
  const done = useRef(0);

  useEffect(() => {
    const tell = () => { desk.flush(); emit(handler.current, here()); };
    const onClick = (event) => {
      const link = linkOf(event);
      if (!link) return;
      event.preventDefault();
      if (!online()) return;
      const same = link.pathname === location.pathname;
      if (link.href !== location.href) history.pushState(null, "", link.href);
      tell();
      if (!same) { window.scrollTo(0, 0); focusHeading(); }
    };
    document.addEventListener("click", onClick);
    window.addEventListener("popstate", tell);
    return () => {
      document.removeEventListener("click", onClick);
      window.removeEventListener("popstate", tell);
    };
  }, []);

  useEffect(() => {
    if (!goto || goto.n === done.current) return;
    done.current = goto.n;
    const url = goto.path + (goto.query ? `?${goto.query}` : "");
    if (url === location.pathname + location.search) return;
    history[goto.replace ? "replaceState" : "pushState"](null, "", url);
    if (!goto.replace) { window.scrollTo(0, 0); focusHeading(); }
  }, [goto?.n]);
  return null;
}
