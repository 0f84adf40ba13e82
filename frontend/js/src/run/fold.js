// Folds numbered events into what a page shows. Pure, so that the same events always give the same picture.

export function startOf(snapshot) {
  return {
    id: snapshot.id, status: snapshot.status, error: snapshot.error || null, output: snapshot.output,
    createdAt: snapshot.createdAt, startedAt: snapshot.startedAt, finishedAt: snapshot.finishedAt,
    lastSeq: 0, steps: new Map(), order: [],
  };
}

function stepOf(run, event) {
  const key = event.stepKey;
  if (!run.steps.has(key)) {
    run.steps.set(key, { key, status: "PENDING", text: "", name: key.split("/").pop(), type: "entity", position: run.order.length });
    run.order.push(key);
  }
  return run.steps.get(key);
}

const NANO = 1e9;

/** Several model calls of one step add up. Money travels as whole nano-dollars. */
function addUsage(step, data) {
  const old = step.usage || {};
  const inputTokens = (old.inputTokens || 0) + (data.inputTokens || 0);
  const outputTokens = (old.outputTokens || 0) + (data.outputTokens || 0);
  const known = data.cost === undefined || data.cost === null ? null : Number(data.cost) / NANO;
  step.usage = {
    inputTokens, outputTokens, totalTokens: inputTokens + outputTokens,
    cost: known === null ? old.cost ?? null : Number(old.cost || 0) + known,
    estimated: Boolean(old.estimated || data.estimated),
  };
}

const EXECUTION_STATUS = {
  "execution.queued": "PENDING", "execution.started": "RUNNING", "execution.completed": "COMPLETED",
  "execution.failed": "FAILED", "execution.cancelled": "CANCELLED", "execution.timed_out": "TIMED_OUT", "execution.waiting": "WAITING",
  "execution.paused": "PAUSED", "execution.resumed": "PENDING",
};
const STEP_STATUS = {
  "step.completed": "COMPLETED", "step.failed": "FAILED", "step.skipped": "SKIPPED", "step.cancelled": "CANCELLED",
  "step.waiting": "WAITING",
};

function applyExecution(run, event, data) {
  run.status = EXECUTION_STATUS[event.type];
  if (run.status === "RUNNING") run.startedAt ||= event.at;
  if (["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"].includes(run.status)) {
    run.finishedAt = event.at;
    if (data.output !== undefined) run.output = data.output;
    if (data.error) run.error = data.error;
    for (const step of run.steps.values()) {
      if (step.status === "RUNNING" || step.status === "PENDING") {
        step.status = run.status === "COMPLETED" ? "COMPLETED" : "CANCELLED";
        step.finishedAt ||= event.at;
      }
    }
  }
}

function applyStep(step, event, data) {
  switch (event.type) {
    case "step.started":
      Object.assign(step, {
        status: "RUNNING", text: "", attempt: event.attempt, startedAt: event.at, finishedAt: null,
        name: data.name ?? step.name, type: data.type ?? step.type, parentKey: data.parentKey ?? null,
        input: data.input, position: data.position ?? step.position,
      });
      break;
    case "step.delta":
      // A second attempt says everything again.
      if (event.attempt && step.attempt && event.attempt !== step.attempt) step.text = "";
      if (event.attempt) step.attempt = event.attempt;
      if (data.kind === "reasoning") step.reasoning = (step.reasoning || "") + (data.text ?? "");
      else step.text += data.text ?? "";
      break;
    case "model.requested":
      step.text = "";
      step.requestedModel = data.model ?? step.requestedModel;
      step.tryNumber = data.tryNumber ?? 1;
      step.note = null;
      break;
    case "model.answered":
      step.model = data.model ?? step.model;
      step.provider = data.provider ?? step.provider;
      step.requestedModel = data.requestedModel ?? step.requestedModel;
      step.ttftMs = data.ttftMs ?? step.ttftMs;
      addUsage(step, data);
      break;
    case "model.failed":
      step.note = { message: data.message, hint: data.hint, retryIn: data.retryIn ?? null, nextModel: data.nextModel ?? null };
      break;
    default:
      if (STEP_STATUS[event.type]) {
        step.status = STEP_STATUS[event.type];
        step.finishedAt = event.at;
        if (data.output !== undefined) step.output = data.output;
        if (data.name) step.name = data.name;
        if (data.type) step.type = data.type;
        if (data.parentKey !== undefined) step.parentKey = data.parentKey;
        if (data.reused) step.reused = true;
        if (data.error) step.error = data.error;
      }
  }
}

/** Returns false for an event that was already seen. */
export function apply(run, event) {
  if (event.seq <= run.lastSeq) return false;
  run.lastSeq = event.seq;
  const data = event.data || {};
  if (EXECUTION_STATUS[event.type]) applyExecution(run, event, data);
  else if (event.stepKey) applyStep(stepOf(run, event), event, data);
  return true;
}

/** What the tables say in the end wins over what was folded on the way; streamed text is kept. */
export function settle(run, snapshot) {
  const before = run.steps;
  run.status = snapshot.status;
  run.error = snapshot.error || null;
  run.output = snapshot.output;
  run.startedAt = snapshot.startedAt;
  run.finishedAt = snapshot.finishedAt;
  run.usage = snapshot.usage;
  run.steps = new Map();
  run.order = [];
  for (const step of [...(snapshot.steps || [])].sort((a, b) => a.position - b.position)) {
    run.steps.set(step.key, { ...step, text: before.get(step.key)?.text || "", reasoning: before.get(step.key)?.reasoning });
    run.order.push(step.key);
  }
}

export function totals(run) {
  if (run.usage) return run.usage;
  let tokens = 0;
  let cost = 0;
  let estimated = false;
  for (const { usage } of run.steps.values()) {
    if (!usage) continue;
    tokens += Number(usage.totalTokens ?? (usage.inputTokens || 0) + (usage.outputTokens || 0));
    cost += Number(usage.cost || 0);
    estimated ||= Boolean(usage.estimated);
  }
  return { totalTokens: tokens, cost: String(cost), estimated };
}

/** The steps as a tree in reading order, each with its depth. */
export function rows(run) {
  const children = new Map();
  for (const key of run.order) {
    const step = run.steps.get(key);
    const parent = step.parentKey && run.steps.has(step.parentKey) ? step.parentKey : null;
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(step);
  }
  const out = [];
  const walk = (parent, depth) => {
    const list = (children.get(parent) || []).sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
    for (const step of list) {
      out.push({ step, depth });
      walk(step.key, depth + 1);
    }
  };
  walk(null, 0);
  return out;
}

export const isLeaf = (step) => ["entity", "tool", "use"].includes(String(step.type || "entity").toLowerCase());
