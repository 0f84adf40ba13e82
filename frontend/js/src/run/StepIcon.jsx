import { Icon } from "../lib/Icon.jsx";

const ICONS = {
  entity: "bot", tool: "wrench", use: "wrench", chain: "arrow-right", parallel: "git-branch", branch: "git-branch",
  if: "route", else: "route", route: "route", gate: "funnel", filter: "funnel", loop: "repeat", map: "layers",
  select: "git-merge", merge: "git-merge", processor: "cpu", try: "shield-check", result: "activity",
};

export const StepIcon = ({ type }) => <Icon name={ICONS[String(type || "").toLowerCase()] || "workflow"} />;
