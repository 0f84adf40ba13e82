import { Icon } from "../lib/Icon.jsx";

const UNITS = ["bytes", "KB", "MB", "GB"];

export function size(bytes) {
  let value = Number(bytes) || 0;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) { value /= 1024; unit += 1; }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** What stands in the place of a large value; null for any other value. */
export const largeOf = (value) => (value && typeof value === "object" && !Array.isArray(value)
  && Object.keys(value).length === 1 && value.$large?.url ? value.$large : null);

/** The beginning of a value that is too large for a page, and the way to all of it. */
export function Large({ large }) {
  return (
    <div className="large">
      <p><Icon name="file-text" /><span><strong>{size(large.bytes)}</strong> of JSON. This is how it begins:</span><span className="spacer" />
        <a className="button small" href={large.url} download={`${large.blob}.json`} data-full="yes"><Icon name="download" /> Download</a></p>
      <pre className="json" tabIndex={0} aria-label="Beginning of the value">{large.preview}…</pre>
    </div>
  );
}
