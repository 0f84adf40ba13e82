import { useState } from "react";
import { InputForm } from "./InputForm.jsx";

const TYPES = { string: "string", number: "number", boolean: "boolean" };
const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);

/** A form for a value without a schema: each field is of the type that it has now. */
export function schemaOf(value) {
  if (!isObject(value) || !Object.keys(value).length) return null;
  const properties = Object.fromEntries(Object.entries(value).map(([name, v]) => (
    [name, { type: TYPES[typeof v] || (Array.isArray(v) ? "array" : "object") }])));
  return { type: "object", properties, required: Object.keys(value) };
}

export const toText = (value) => JSON.stringify(value ?? null, null, 2);

export function readJson(text) {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    return { ok: false, problem: error.message };
  }
}

/** JSON as text that says at once when it cannot be read. */
export function JsonField({ id, label, value, onChange, rows = 6, hint }) {
  const read = readJson(value);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} className="input mono grow" rows={rows} value={value} spellCheck={false} aria-invalid={read.ok ? undefined : true}
        aria-describedby={`${id}-note`} onChange={(e) => onChange(e.target.value)} />
      <p id={`${id}-note`} className={read.ok ? "field-hint" : "field-error"}>{read.ok ? hint || "" : `This is no JSON: ${read.problem}. A text stands in double quotes.`}</p>
    </div>
  );
}

/** Fields where they are simple, JSON where somebody prefers it. */
export function ArgumentsForm({ id, value, onChange, problem, label = "Arguments as JSON" }) {
  const schema = schemaOf(value);
  const [mode, setMode] = useState(schema ? "form" : "json");
  const [text, setText] = useState(toText(value));
  const read = readJson(text);
  const fill = (next) => { setText(toText(next)); onChange(next); };
  const type = (next) => {
    setText(next);
    const found = readJson(next);
    if (found.ok) onChange(found.value);
    problem(!found.ok);
  };
  return (
    <div className="arguments-form">
      {schema ? (
        <div className="segmented" role="group" aria-label="Kind of form">
          {[["form", "Form"], ["json", "JSON"]].map(([m, label]) => (
            <button key={m} type="button" aria-pressed={mode === m} disabled={m === "form" && !read.ok} onClick={() => setMode(m)} data-offline-ok>{label}</button>
          ))}
        </div>
      ) : null}
      {schema && mode === "form" && read.ok ? <InputForm schema={schemaOf(read.value) || schema} value={read.value} keep onChange={fill} />
        : <JsonField id={`${id}-json`} label={label} value={text} onChange={type} />}
    </div>
  );
}
