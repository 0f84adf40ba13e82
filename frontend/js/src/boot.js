import { mountReactPy } from "/reactpy/static/index.js";

const app = document.getElementById("app");
const bar = document.getElementById("offline");
const NativeSocket = window.WebSocket;
const SIGNED_OUT = 4401;
let openedOnce = false;
let refusals = 0;

/** The server answers but does not take our socket: most likely the session has ended. */
async function maybeSignedOut() {
  refusals += 1;
  if (refusals < 4) return;
  const answer = await fetch("/healthz").catch(() => null);
  if (answer?.ok) location.reload();
}

function setOnline(online) {
  document.documentElement.dataset.online = online ? "yes" : "no";
  bar.hidden = online;
}

function explain(text) {
  const splash = document.getElementById("splash-note");
  if (splash) splash.textContent = text;
}

/** The client library sends with a click what is selected on the page, and walks through all that lies
 * around it: that held a page for more than a second, and made messages of 1.5 MB. Nobody reads it. */
const selection = window.getSelection;
let hidden = 0;
window.addEventListener("click", () => {
  window.getSelection = () => null;
  clearTimeout(hidden);
  hidden = setTimeout(() => { window.getSelection = selection; }, 0);
}, true);

// The client library does not tell whether its socket is open, and it replays clicks that were made
// while it was closed into a fresh session. Watching its socket lets the page say so and block them.
window.WebSocket = class extends NativeSocket {
  constructor(url, protocols) {
    super(url, protocols);
    if (!String(url).includes("/reactpy/")) return;
    this.addEventListener("open", () => {
      openedOnce = true;
      refusals = 0;
      setOnline(true);
    });
    this.addEventListener("close", (event) => {
      if (event.code === SIGNED_OUT) return location.reload();
      if (openedOnce) {
        setOnline(false);
        return maybeSignedOut();
      }
      // A first connect that fails is not retried by the library.
      explain("The server does not answer. Trying again…");
      return setTimeout(() => location.reload(), 2500);
    });
  }
};

function blockWhileOffline(event) {
  if (document.documentElement.dataset.online !== "no") return;
  if (event.target.closest?.("[data-offline-ok], .cm-editor, input, textarea")) return;
  event.preventDefault();
  event.stopPropagation();
  bar.classList.remove("nudge");
  void bar.offsetWidth;
  bar.classList.add("nudge");
}
for (const kind of ["click", "submit", "change"]) {
  document.addEventListener(kind, blockWhileOffline, true);
}

setTimeout(() => {
  if (!app.firstElementChild) explain("Still connecting. If this stays, check that the server is running.");
}, 5000);

mountReactPy({
  mountElement: app,
  pathPrefix: "/reactpy/",
  componentPath: `${app.dataset.component}/`,
  reconnectInterval: 500,
  reconnectMaxInterval: 5000,
  reconnectMaxRetries: 1e9,
  reconnectBackoffMultiplier: 1.25,
});
