import { memo, useMemo, useState } from "react";
import DOMPurify from "dompurify";
import { Marked } from "marked";
import { Icon } from "../lib/Icon.jsx";
import { Large, largeOf } from "./Large.jsx";

const MARKDOWN_LIMIT = 60_000;
const escape = (s) => s.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

// A picture from elsewhere would tell its server who reads: it becomes a link. Raw HTML stays text.
const marked = new Marked({
  gfm: true, breaks: true,
  renderer: {
    html: ({ text }) => escape(text),
    image: ({ href, text }) => `<a href="${escape(href)}">${escape(text || href)}</a>`,
  },
});
DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer nofollow");
  }
});
const clean = (text) => DOMPurify.sanitize(marked.parse(text), {
  USE_PROFILES: { html: true }, FORBID_TAGS: ["img", "style", "form", "input", "button", "video", "audio", "iframe"],
  FORBID_ATTR: ["style", "class", "id"],
});

export const Markdown = memo(function Markdown({ text }) {
  const html = useMemo(() => (text.length > MARKDOWN_LIMIT ? null : clean(text)), [text]);
  if (html === null) return <pre className="plain">{text}</pre>;
  return <div className="prose" dangerouslySetInnerHTML={{ __html: html }} />;
});

const PART = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function Json({ value }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const parts = [];
  let last = 0;
  if (text.length < 40_000) {
    for (const m of text.matchAll(PART)) {
      parts.push(text.slice(last, m.index));
      const kind = m[1] ? (m[2] ? "key" : "string") : m[3] ? "atom" : "number";
      parts.push(<span key={m.index} data-t={kind}>{m[1] || m[0]}</span>, m[2] || "");
      last = m.index + m[0].length;
    }
  }
  parts.push(text.slice(last));
  return <pre className="json" tabIndex={0} aria-label="JSON">{parts}</pre>;
}

const scalar = (v) => v === null || ["string", "number", "boolean"].includes(typeof v);
const simple = (v) => scalar(v) || (Array.isArray(v) && v.every(scalar));
const readable = (v) => v && typeof v === "object" && !Array.isArray(v) && Object.keys(v).length
  && Object.values(v).some((x) => typeof x === "string" || Array.isArray(x));

function Field({ value, depth }) {
  if (largeOf(value)) return <Large large={largeOf(value)} />;
  if (typeof value === "string") return <Markdown text={value} />;
  if (scalar(value)) return <code className="scalar">{String(value)}</code>;
  if (Array.isArray(value) && value.every(scalar)) {
    return value.length ? <ul className="value-list">{value.map((v, i) => <li key={i}>{String(v)}</li>)}</ul>
      : <span className="muted">none</span>;
  }
  if (depth < 2 && readable(value)) return <Fields value={value} depth={depth + 1} />;
  return <Json value={value} />;
}

function Fields({ value, depth = 0 }) {
  return (
    <dl className="value-fields">
      {Object.entries(value).map(([name, v]) => (
        <div key={name} data-short={scalar(v) && String(v).length < 60 ? "yes" : undefined}>
          <dt>{name.replaceAll("_", " ")}</dt><dd><Field value={v} depth={depth} /></dd>
        </div>
      ))}
    </dl>
  );
}

export function Copy({ text, label = "Copy" }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <button type="button" className="button small quiet" onClick={copy} data-offline-ok>
      <Icon name={done ? "check" : "copy"} /> {done ? "Copied" : label}
    </button>
  );
}

/** A value as a person reads it: text as Markdown, an object as its fields, anything else as JSON. */
export function Value({ value, raw }) {
  if (value === null || value === undefined || value === "") return <p className="muted">Nothing.</p>;
  if (largeOf(value)) return <Large large={largeOf(value)} />;
  if (raw) return <Json value={typeof value === "string" ? JSON.stringify(value) : value} />;
  if (typeof value === "string") return <Markdown text={value} />;
  return readable(value) || (typeof value === "object" && simple(Object.values(value)[0]) && !Array.isArray(value))
    ? <Fields value={value} /> : <Json value={value} />;
}

export const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
