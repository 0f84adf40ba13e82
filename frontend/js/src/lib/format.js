const number = new Intl.NumberFormat("en-US");

export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 1) return "<1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} m`;
}

export function cost(value) {
  if (value === null || value === undefined || value === "") return "";
  const usd = Number(value);
  if (!Number.isFinite(usd)) return "";
  if (usd === 0) return "$0";
  if (usd < 0.0001) return "<$0.0001";
  if (usd < 0.01) return `$${usd.toFixed(4)}`;
  return usd < 1 ? `$${usd.toFixed(3)}` : `$${usd.toFixed(2)}`;
}

export const tokens = (value) => (value === null || value === undefined ? "" : number.format(value));

export const pace = (value) => (value >= 100 ? number.format(Math.round(value)) : value.toFixed(1));

export const LABELS = {
  PENDING: "Queued", RUNNING: "Running", WAITING: "Waiting", PAUSED: "Paused", COMPLETED: "Completed",
  FAILED: "Failed", CANCELLED: "Cancelled", TIMED_OUT: "Timed out", SKIPPED: "Skipped",
};
export const isFinal = (status) => ["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"].includes(status);

/** Time that is left, as two units at most. */
export function left(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const spans = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
export function ago(date, now = Date.now()) {
  const seconds = Math.round((now - date.getTime()) / 1000);
  if (seconds < 5) return "just now";
  if (seconds >= 7 * 86_400) {
    return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  }
  const [unit, size] = spans.find(([, length]) => seconds >= length);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}
