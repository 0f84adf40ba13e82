// Why a step stands still, in a sentence.
import { isLeaf } from "./fold.js";

const REASONS = { APPROVAL: "Waits for a decision.", RETRY: "Waits before the next try.", CHILD: "Waits for another bot.", WAIT: "Waits as the program says.",
  OUTCOME_UNKNOWN: "Waits for somebody who says whether it happened.", BUDGET: "Waits for room in the budget.", QUEUE: "Waits for its turn." };
// A person is asked about one step; the others that are under way only wait with it.
const ABOUT_ONE = ["APPROVAL", "OUTCOME_UNKNOWN"];

export function sayingOf({ status, waits, child, ...step }) {
  if (status === "PAUSED" || waits?.reason === "PAUSED") return step.whole ? "Paused." : "Paused with the execution.";
  if (!waits?.parked) return REASONS[waits?.reason] || "Waits.";
  if (child) return REASONS.CHILD;
  if (!isLeaf(step)) return "Waits for a step inside it.";
  return (ABOUT_ONE.includes(waits.reason) ? null : REASONS[waits.reason]) || "Waits with the execution, and goes on with it.";
}
