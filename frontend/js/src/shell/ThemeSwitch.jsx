import { useState } from "react";
import { Icon } from "../lib/Icon.jsx";

const CHOICES = [["light", "sun", "Light"], ["dark", "moon", "Dark"], ["system", "monitor", "As the system"]];

function apply(choice) {
  if (choice === "system") {
    localStorage.removeItem("theme");
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem("theme", choice);
    document.documentElement.dataset.theme = choice;
  }
}

export function ThemeSwitch() {
  const [choice, setChoice] = useState(localStorage.getItem("theme") || "system");
  return (
    <div className="theme-switch" role="radiogroup" aria-label="Theme" data-offline-ok>
      {CHOICES.map(([value, icon, label]) => (
        <button key={value} type="button" role="radio" aria-checked={choice === value} aria-label={label} title={label}
          onClick={() => { apply(value); setChoice(value); }}>
          <Icon name={icon} />
        </button>
      ))}
    </div>
  );
}
