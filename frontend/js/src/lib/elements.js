// Small custom elements for what only the browser knows: its clock, its time zone, its title bar.
import { ago, duration } from "./format.js";

const ticking = new Set();
let timer = 0;

function tick() {
  for (const element of ticking) element.paint();
}

class Ticking extends HTMLElement {
  connectedCallback() {
    ticking.add(this);
    timer ||= setInterval(tick, 1000);
    this.paint();
  }
  disconnectedCallback() {
    ticking.delete(this);
    if (!ticking.size) timer = clearInterval(timer) || 0;
  }
  attributeChangedCallback() { if (this.isConnected) this.paint(); }
  show(text) { if (this.textContent !== text) this.textContent = text; }
}

class RelativeTime extends Ticking {
  static observedAttributes = ["value"];
  paint() {
    const date = new Date(this.getAttribute("value"));
    if (Number.isNaN(date.getTime())) return this.show("");
    this.show(ago(date));
    this.title = date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
  }
}

class ElapsedTime extends Ticking {
  static observedAttributes = ["since"];
  paint() {
    const start = new Date(this.getAttribute("since")).getTime();
    if (!Number.isNaN(start)) this.show(duration(Math.max(0, Date.now() - start)));
  }
}

class PageTitle extends HTMLElement {
  static observedAttributes = ["value"];
  attributeChangedCallback() { this.apply(); }
  connectedCallback() { this.apply(); }
  apply() {
    const value = this.getAttribute("value");
    if (value) document.title = `${value} · Baleybots`;
  }
}

function define(name, type) {
  if (!customElements.get(name)) customElements.define(name, type);
}
define("bb-ago", RelativeTime);
define("bb-elapsed", ElapsedTime);
define("bb-title", PageTitle);
