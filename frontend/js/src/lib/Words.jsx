/** A sentence of the server: what stands in backticks is shown as code. */
export function Words({ text }) {
  return String(text ?? "").split(/`([^`]+)`/).map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part));
}
