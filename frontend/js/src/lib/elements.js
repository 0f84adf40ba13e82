// Small custom elements for what only the browser knows: its clock, its time zone, its title bar.
import { ago, duration, left } from "./format.js";

/** Elements that are painted again together, as long as there is one in the page. */
class Beat {
  constructor(pause) {
    this.pause = pause;
    this.elements = new Set();
    this.timer = 0;
  }
  join(element) {
    this.elements.add(element);
    this.timer ||= setInterval(() => { for (const each of this.elements) each.paint(); }, this.pause);
  }
  leave(element) {
    this.elements.delete(element);
    if (this.elements.size) return;
    clearInterval(this.timer);
    this.timer = 0;
  }
}
const slow = new Beat(5000);
const second = new Beat(1000);
const quick = new Beat(200);

class Ticking extends HTMLElement {
  connectedCallback() {
    this.beat.join(this);
    this.paint();
  }
  disconnectedCallback() { this.beat.leave(this); }
  attributeChangedCallback() { if (this.isConnected) this.paint(); }
  show(text) { if (this.textContent !== text) this.textContent = text; }
}

class RelativeTime extends Ticking {
  beat = slow;
  static observedAttributes = ["value"];
  paint() {
    const date = new Date(this.getAttribute("value"));
    if (Number.isNaN(date.getTime())) return this.show("");
    this.show(ago(date));
    this.title = date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
  }
}

class ElapsedTime extends Ticking {
  beat = quick;
  static observedAttributes = ["since"];
  paint() {
    const start = new Date(this.getAttribute("since")).getTime();
    if (!Number.isNaN(start)) this.show(duration(Math.max(0, Date.now() - start)));
  }
}

class TimeLeft extends Ticking {
  beat = second;
  static observedAttributes = ["until"];
  paint() {
    const end = new Date(this.getAttribute("until"));
    if (Number.isNaN(end.getTime())) return this.show("");
    this.show(left(end.getTime() - Date.now()));
    this.title = end.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
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
define("bb-left", TimeLeft);
define("bb-title", PageTitle);
