import { useId } from "react";
import { Icon } from "../lib/Icon.jsx";

const kindOf = (schema) => {
  if (schema.enum) return "enum";
  const type = Array.isArray(schema.type) ? schema.type.find((t) => t !== "null") : schema.type;
  return type || "any";
};

function Control({ id, schema, value, onChange }) {
  const kind = kindOf(schema);
  if (kind === "boolean") {
    return <input id={id} type="checkbox" checked={Boolean(value)} onChange={(e) => onChange(e.target.checked)} />;
  }
  if (kind === "enum") {
    return (
      <div className="select-wrap">
        <select id={id} className="input" value={value ?? ""} onChange={(e) => onChange(e.target.value)}>
          <option value="">Choose</option>
          {schema.enum.filter((v) => v !== null).map((v) => <option key={v}>{v}</option>)}
        </select>
        <Icon name="chevron-down" />
      </div>
    );
  }
  if (kind === "number" || kind === "integer") {
    return <input id={id} className="input" type="number" step={kind === "integer" ? 1 : "any"} min={schema.minimum} max={schema.maximum}
      value={value ?? ""} onChange={(e) => onChange(e.target.value === "" ? undefined : Number(e.target.value))} />;
  }
  if (kind === "string") {
    return <textarea id={id} className="input grow" rows={1} value={value ?? ""} onChange={(e) => onChange(e.target.value)} />;
  }
  const text = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const read = (raw) => { try { return JSON.parse(raw); } catch { return raw; } };
  return <textarea id={id} className="input grow mono" rows={2} value={text} placeholder={kind === "array" ? "[ ]" : "{ }"}
    onChange={(e) => onChange(e.target.value === "" ? undefined : read(e.target.value))} />;
}

function Row({ name, schema, required, value, onChange }) {
  const id = useId();
  return (
    <div className="form-row" data-kind={kindOf(schema)}>
      <label htmlFor={id}>{name.replaceAll("_", " ")}{required ? null : <small> optional</small>}</label>
      <Control id={id} schema={schema} value={value} onChange={onChange} />
      {schema.description ? <p className="field-hint">{schema.description}</p> : null}
    </div>
  );
}

export const hasForm = (schema) => Boolean(schema?.properties && Object.keys(schema.properties).length);

/** One field per property of the input schema. `keep`: an emptied field stays a field. */
export function InputForm({ schema, value, onChange, keep }) {
  const object = value && typeof value === "object" && !Array.isArray(value) ? value : {};
  return (
    <div className="form">
      {Object.entries(schema.properties).map(([name, part]) => (
        <Row key={name} name={name} schema={part} required={(schema.required || []).includes(name)} value={object[name]}
          onChange={(next) => {
            const { [name]: _, ...rest } = object;
            if (keep) return onChange({ ...object, [name]: next ?? null });
            return onChange(next === undefined || next === "" ? rest : { ...object, [name]: next });
          }} />
      ))}
    </div>
  );
}
