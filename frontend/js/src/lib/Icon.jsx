const sprite = document.documentElement.dataset.icons;

export function Icon({ name, className = "" }) {
  return (
    <svg className={`icon ${className}`} aria-hidden="true" focusable="false">
      <use href={`${sprite}#${name}`} />
    </svg>
  );
}

const STATUS_ICON = {
  PENDING: "circle-dashed", RUNNING: "loader-circle", WAITING: "clock", PAUSED: "pause", COMPLETED: "check",
  FAILED: "x", CANCELLED: "circle-slash", TIMED_OUT: "timer", SKIPPED: "circle-slash",
};

export function StatusMark({ status }) {
  return (
    <span className="status-mark" data-status={status}>
      <Icon name={STATUS_ICON[status] || "circle"} className={status === "RUNNING" ? "spin" : ""} />
    </span>
  );
}
