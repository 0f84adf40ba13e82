import { useEffect, useId, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";

const INPUT = { number: { type: "number", step: "any" }, money: { type: "text", inputMode: "decimal" }, secret: { type: "password", autoComplete: "new-password" }, password: { type: "password", autoComplete: "current-password" } };

function Choice({ id, field, value, onChange }) {
  return (
    <div className="select-wrap">
      <select id={id} className="input" value={value ?? ""} disabled={field.fixed} onChange={(e) => onChange(e.target.value)}>
        {field.options.map((o) => <option key={o.value} value={o.value}>{o.label}</option>)}
      </select>
      <Icon name="chevron-down" />
    </div>
  );
}

function Checks({ field, value, onChange, problem }) {
  const chosen = value || [];
  const flip = (one) => onChange(chosen.includes(one) ? chosen.filter((v) => v !== one) : [...chosen, one]);
  return (
    <fieldset className="checks">
      <legend>{field.label}</legend>
      {field.options.map((o) => (
        <label key={o.value} className="check-line">
          <input type="checkbox" checked={chosen.includes(o.value)} onChange={() => flip(o.value)} />
          <span>{o.label}{o.help ? <small>{o.help}</small> : null}</span>
        </label>
      ))}
      {problem || field.help ? <p className={problem ? "field-error" : "field-hint"}>{problem || field.help}</p> : null}
    </fieldset>
  );
}

function Field({ field, value, onChange, problem }) {
  const id = useId();
  const note = problem || field.help;
  if (field.type === "check") {
    return (
      <div className="check">
        <input id={id} type="checkbox" checked={Boolean(value)} onChange={(e) => onChange(e.target.checked)} />
        <label htmlFor={id}>{field.label}{field.help ? <small>{field.help}</small> : null}</label>
      </div>
    );
  }
  if (field.type === "checks") return <Checks field={field} value={value} onChange={onChange} problem={problem} />;
  const described = { "aria-invalid": problem ? true : undefined, "aria-describedby": note ? `${id}-note` : undefined };
  return (
    <div className="field">
      <label htmlFor={id}>{field.label}{field.required || field.type === "choice" ? null : <small className="muted"> optional</small>}</label>
      {field.type === "choice" ? <Choice id={id} field={field} value={value} onChange={onChange} />
        : field.type === "long" ? <textarea id={id} className="input grow" rows={2} value={value ?? ""} placeholder={field.placeholder} {...described} onChange={(e) => onChange(e.target.value)} />
          : <input id={id} className="input" spellCheck={false} autoComplete="off" type="text" value={value ?? ""} placeholder={field.placeholder} list={field.suggestions?.length ? `${id}-list` : undefined}
            {...INPUT[field.type]} {...described} onChange={(e) => onChange(e.target.value)} />}
      {field.suggestions?.length ? <datalist id={`${id}-list`}>{field.suggestions.map((s) => <option key={s} value={s} />)}</datalist> : null}
      {note ? <p className={problem ? "field-error" : "field-hint"} id={`${id}-note`}>{note}</p> : null}
    </div>
  );
}

function Outcome({ answer }) {
  if (!answer?.message) return null;
  return (
    <div className="outcome" data-tone={answer.ok ? "ok" : "bad"} role="status">
      <Icon name={answer.ok ? "circle-check" : "triangle-alert"} />
      <div>
        <p><Words text={answer.message} /></p>
        {answer.models?.length ? <details><summary>{answer.models.length} {answer.models.length === 1 ? "model" : "models"} found</summary>
          <ul className="models">{answer.models.slice(0, 300).map((m) => <li key={m}><code>{m}</code></li>)}</ul></details> : null}
      </div>
    </div>
  );
}

const starting = (fields) => Object.fromEntries(fields.map((f) => [f.name, f.value ?? (f.type === "choice" ? f.options[0]?.value : "")]));
const shown = (field, values) => !field.when || field.when.values.includes(values[field.when.name]);

/** A form in a dialog. What is typed stays here until it is sent; the server's answer is shown in it. `variants`: forms to choose among. */
export function FormDialog({ title, text, fields = [], variants, variant, variantLabel = "Provider", confirm = "Save", danger, answer, testable, forceLabel, onTest, onSubmit, onClose }) {
  const ref = useRef(null);
  const id = useId();
  const [kind, setKind] = useState(variant || variants?.[0]?.value);
  const own = variants ? variants.find((v) => v.value === kind)?.fields || [] : fields;
  const [values, setValues] = useState(() => starting(own));
  const [busy, setBusy] = useState("");
  const [seen, setSeen] = useState(answer?.n ?? 0);
  useEffect(() => { ref.current?.showModal(); }, []);
  useEffect(() => { setBusy(""); }, [answer?.n]);
  const told = answer && answer.n !== seen ? answer : null;
  const problem = told && !told.ok && told.path?.length ? told : null;
  const named = problem && own.some((f) => f.name === problem.path.at(-1));
  const missing = own.filter((f) => f.required && shown(f, values) && String(values[f.name] ?? "").trim() === "");
  const choose = (next) => {
    const other = variants.find((v) => v.value === next);
    setKind(next);
    setValues((old) => ({ ...starting(other.fields), ...(old.name && own.some((f) => f.name === "name" && f.value !== old.name) ? { name: old.name } : {}) }));
    setSeen(answer?.n ?? 0);
  };
  const send = (what, handler, more) => {
    if (busy) return;
    setBusy(what);
    emit(handler, { variant: kind, values: Object.fromEntries(own.filter((f) => shown(f, values)).map((f) => [f.name, values[f.name]])), ...more });
  };
  const close = () => ref.current?.close();
  return (
    <dialog ref={ref} className="dialog wide" aria-labelledby={`${id}-title`} onClose={(e) => { if (e.target === ref.current) emit(onClose); }}
      onMouseDown={(e) => { if (e.target === ref.current) close(); }}>
      <header><h2 id={`${id}-title`}>{title}</h2><button type="button" className="icon-button" aria-label="Close" onClick={close}><Icon name="x" /></button></header>
      <form className="dialog-form" noValidate onSubmit={(e) => { e.preventDefault(); if (!missing.length) send("save", onSubmit); }}>
        <div className="dialog-body">
          {text ? <p><Words text={text} /></p> : null}
          {variants ? (
            <div className="field">
              <label htmlFor={`${id}-kind`}>{variantLabel}</label>
              <Choice id={`${id}-kind`} field={{ options: variants, fixed: Boolean(variant) && variants.length === 1 }} value={kind} onChange={choose} />
              <p className="field-hint">{variants.find((v) => v.value === kind)?.help}</p>
            </div>
          ) : null}
          {own.filter((f) => shown(f, values)).map((f) => (
            <Field key={`${kind}-${f.name}`} field={f} value={values[f.name]} problem={named && problem.path.at(-1) === f.name ? problem.message : null}
              onChange={(value) => setValues((old) => ({ ...old, [f.name]: value }))} />
          ))}
          {told && !named ? <Outcome answer={told} /> : null}
        </div>
        <footer>
          {testable ? <button type="button" className="button" disabled={Boolean(busy) || missing.length > 0} onClick={() => send("test", onTest)}>
            <Icon name={busy === "test" ? "loader-circle" : "plug"} className={busy === "test" ? "spin" : ""} /> {busy === "test" ? "Testing" : "Test"}</button> : null}
          {told?.canForce ? <button type="button" className="button" disabled={Boolean(busy)} onClick={() => send("force", onSubmit, { force: true })}>{forceLabel || "Save anyway"}</button> : null}
          <span className="spacer" />
          <button type="button" className="button" onClick={close}>Close</button>
          <button type="submit" className={`button ${danger ? "danger" : "primary"}`} disabled={Boolean(busy) || missing.length > 0}>
            {busy === "save" ? <Icon name="loader-circle" className="spin" /> : null} {confirm}</button>
        </footer>
      </form>
    </dialog>
  );
}
