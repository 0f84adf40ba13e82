// Everything that is typed into keeps its text here: a server that echoes each key loses some of them.
import { useEffect, useId, useRef, useState } from "react";
import { emit } from "../lib/emit.js";
import { Icon } from "../lib/Icon.jsx";

function useDraft(value, rev, onChange, wait) {
  const [text, setText] = useState(value ?? "");
  const pending = useRef(0);
  const latest = useRef(text);
  const handler = useRef(onChange);
  handler.current = onChange;
  useEffect(() => {
    setText(value ?? "");
    latest.current = value ?? "";
  }, [rev]);
  const flush = () => {
    if (!pending.current) return;
    clearTimeout(pending.current);
    pending.current = 0;
    emit(handler.current, { value: latest.current });
  };
  const change = (next) => {
    setText(next);
    latest.current = next;
    clearTimeout(pending.current);
    pending.current = setTimeout(flush, wait);
  };
  useEffect(() => flush, []);
  return { text, change, flush };
}

function Labelled({ id, label, hint, error, quiet, children }) {
  return (
    <div className="field">
      <label htmlFor={id} className={quiet ? "visually-hidden" : undefined}>{label}</label>
      {children}
      {hint && !error ? <p className="field-hint" id={`${id}-hint`}>{hint}</p> : null}
      {error ? <p className="field-error" id={`${id}-hint`}>{error}</p> : null}
    </div>
  );
}

export function TextField(props) {
  const { label, quietLabel, value, rev, placeholder, hint, error, icon, type = "text", name, wait = 150 } = props;
  const id = useId();
  const { text, change, flush } = useDraft(value, rev, props.onChange, wait);
  const submit = (event) => {
    if (event.key !== "Enter" || !props.onSubmit) return;
    flush();
    emit(props.onSubmit, { value: text });
  };
  return (
    <Labelled id={id} label={label} hint={hint} error={error} quiet={quietLabel}>
      <div className="input-wrap" data-icon={icon ? "yes" : undefined}>
        {icon ? <Icon name={icon} /> : null}
        <input id={id} name={name} type={type} value={text} placeholder={placeholder} className="input"
          aria-invalid={error ? true : undefined} aria-describedby={hint || error ? `${id}-hint` : undefined}
          autoComplete="off" spellCheck={false} autoFocus={props.autoFocus}
          onChange={(e) => change(e.target.value)} onBlur={flush} onKeyDown={submit} />
      </div>
    </Labelled>
  );
}

export function TextArea(props) {
  const { label, quietLabel, value, rev, placeholder, hint, error, rows = 4, wait = 150 } = props;
  const id = useId();
  const { text, change, flush } = useDraft(value, rev, props.onChange, wait);
  return (
    <Labelled id={id} label={label} hint={hint} error={error} quiet={quietLabel}>
      <textarea id={id} rows={rows} className="input" value={text} placeholder={placeholder}
        aria-invalid={error ? true : undefined} aria-describedby={hint || error ? `${id}-hint` : undefined}
        onChange={(e) => change(e.target.value)} onBlur={flush} />
    </Labelled>
  );
}

export function Select({ label, quietLabel, value, options, onChange }) {
  const id = useId();
  const [chosen, setChosen] = useState(value ?? "");
  useEffect(() => setChosen(value ?? ""), [value]);
  const change = (event) => {
    setChosen(event.target.value);
    emit(onChange, { value: event.target.value });
  };
  return (
    <Labelled id={id} label={label} quiet={quietLabel}>
      <div className="select-wrap">
        <select id={id} className="input" value={chosen} onChange={change} data-offline-ok>
          {options.map((o) => <option key={o.value} value={o.value}>{o.label}</option>)}
        </select>
        <Icon name="chevron-down" />
      </div>
    </Labelled>
  );
}

export function Checkbox({ label, checked, onChange }) {
  const id = useId();
  const [on, setOn] = useState(Boolean(checked));
  useEffect(() => setOn(Boolean(checked)), [checked]);
  const change = (event) => {
    setOn(event.target.checked);
    emit(onChange, { value: event.target.checked });
  };
  return (
    <div className="check">
      <input id={id} type="checkbox" checked={on} onChange={change} />
      <label htmlFor={id}>{label}</label>
    </div>
  );
}
