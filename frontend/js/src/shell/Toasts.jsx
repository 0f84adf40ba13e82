import { useEffect, useRef, useState } from "react";
import { Icon } from "../lib/Icon.jsx";
import { Words } from "../lib/Words.jsx";

const ICON = { error: "triangle-alert", success: "circle-check", info: "info" };

export function Toasts({ last }) {
  const [items, setItems] = useState([]);
  const seen = useRef(0);
  const drop = (n) => setItems((list) => list.filter((item) => item.n !== n));

  useEffect(() => {
    if (!last || last.n <= seen.current) return;
    seen.current = last.n;
    setItems((list) => [...list.slice(-2), last]);
    setTimeout(() => drop(last.n), last.kind === "error" ? 12_000 : 5000);
  }, [last?.n]);

  return (
    <div className="toasts" role="region" aria-label="Messages" aria-live="polite" data-offline-ok>
      {items.map((item) => (
        <div key={item.n} className="toast" data-kind={item.kind} role={item.kind === "error" ? "alert" : "status"}>
          <Icon name={ICON[item.kind] || "info"} />
          <p><Words text={item.text} /></p>
          <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => drop(item.n)}>
            <Icon name="x" />
          </button>
        </div>
      ))}
    </div>
  );
}
