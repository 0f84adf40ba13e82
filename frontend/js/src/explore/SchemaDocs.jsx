import { useMemo, useState } from "react";
import { getNamedType, isEnumType, isInputObjectType, isInterfaceType, isObjectType, isUnionType,
  printSchema } from "graphql";
import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";

const MOST_FOUND = 40;

function TypeLink({ type, onOpen }) {
  const name = getNamedType(type).name;
  const [before, after] = String(type).split(name);
  return <code>{before}<button type="button" className="link" onClick={() => onOpen(name)}>{name}</button>{after}</code>;
}

function Field({ field, onOpen }) {
  return (
    <li>
      <p className="docs-field"><strong>{field.name}</strong> <TypeLink type={field.type} onOpen={onOpen} /></p>
      {field.args?.length ? (
        <ul className="docs-arguments">
          {field.args.map((a) => (
            <li key={a.name}><code>{a.name}</code> <TypeLink type={a.type} onOpen={onOpen} />
              {a.description ? <small><Words text={a.description} /></small> : null}</li>
          ))}
        </ul>
      ) : null}
      {field.description ? <p className="muted"><Words text={field.description} /></p> : null}
      {field.deprecationReason ? <p className="docs-old"><Icon name="triangle-alert" />{field.deprecationReason}</p> : null}
    </li>
  );
}

function Type({ schema, type, onOpen }) {
  const fields = isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)
    ? Object.values(type.getFields()).sort((a, b) => a.name.localeCompare(b.name)) : [];
  const others = isUnionType(type) || isInterfaceType(type) ? schema.getPossibleTypes(type) : [];
  return (
    <div className="docs-type">
      <h3>{type.name}</h3>
      {type.description ? <p><Words text={type.description} /></p> : null}
      {fields.length ? <ul>{fields.map((f) => <Field key={f.name} field={f} onOpen={onOpen} />)}</ul> : null}
      {isEnumType(type) ? (
        <ul>{type.getValues().map((v) => (
          <li key={v.name}><code>{v.name}</code>{v.description ? <p className="muted"><Words text={v.description} /></p> : null}</li>
        ))}</ul>
      ) : null}
      {others.length ? (
        <><h4>One of</h4><ul>{others.map((o) => <li key={o.name}><TypeLink type={o} onOpen={onOpen} /></li>)}</ul></>
      ) : null}
    </div>
  );
}

/** Types and fields whose name holds the text: types first, the nearest names before longer ones. */
function find(schema, text) {
  const wanted = text.toLowerCase();
  const holds = (name) => name.toLowerCase().includes(wanted);
  const shown = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith("__"));
  const types = shown.filter((type) => holds(type.name)).sort((a, b) => a.name.length - b.name.length)
    .map((type) => ({ type: type.name }));
  const fields = shown.flatMap((type) => Object.keys(type.getFields?.() || {}).filter(holds)
    .map((field) => ({ type: type.name, field }))).sort((a, b) => a.field.length - b.field.length);
  return [...types, ...fields].slice(0, MOST_FOUND);
}

function Found({ items, onOpen }) {
  if (!items.length) return <p className="muted">No type and no field is called like that.</p>;
  return (
    <ul className="docs-found">
      {items.map((f) => (
        <li key={`${f.type}.${f.field}`}>
          <button type="button" className="link" onClick={() => onOpen(f.type)}>
            <code>{f.type}</code>{f.field ? <code>.{f.field}</code> : null}
          </button>
        </li>
      ))}
    </ul>
  );
}

function download(schema) {
  const address = URL.createObjectURL(new Blob([`${printSchema(schema)}\n`], { type: "text/plain" }));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: "schema.graphql" });
  link.click();
  URL.revokeObjectURL(address);
}

/** The schema for reading: search, and from type to type with a way back. */
export function SchemaDocs({ schema }) {
  const [path, setPath] = useState([]);
  const [text, setText] = useState("");
  const found = useMemo(() => (text ? find(schema, text) : []), [schema, text]);
  const open = (name) => { setText(""); setPath((p) => [...p, name]); };
  const type = path.length ? schema.getType(path.at(-1)) : null;
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(Boolean);
  return (
    <div className="docs">
      <div className="docs-search">
        <Icon name="search" />
        <input value={text} aria-label="Search types and fields" placeholder="Search types and fields"
          onChange={(e) => setText(e.target.value)} />
      </div>
      {path.length && !text ? (
        <button type="button" className="link docs-back" onClick={() => setPath((p) => p.slice(0, -1))}>
          <Icon name="arrow-left" />{path.at(-2) || "Start"}
        </button>
      ) : null}
      {text ? <Found items={found} onOpen={open} /> : type ? <Type schema={schema} type={type} onOpen={open} /> : (
        <ul className="docs-roots">
          {roots.map((r) => (
            <li key={r.name}>
              <button type="button" className="link" onClick={() => open(r.name)}>{r.name}</button>
              <small>{Object.keys(r.getFields()).length} fields</small>
            </li>
          ))}
          <li><button type="button" className="button small" data-offline-ok onClick={() => download(schema)}>
            <Icon name="download" /> Download the schema</button></li>
        </ul>
      )}
    </div>
  );
}
