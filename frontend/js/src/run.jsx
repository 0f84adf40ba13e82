export { bind } from "./lib/bind.js";
export { RunPanel } from "./run/RunPanel.jsx";
export { ExecutionView } from "./run/ExecutionView.jsx";
export { ApprovalInbox } from "./run/ApprovalInbox.jsx";
export { Comparison } from "./run/Comparison.jsx";
