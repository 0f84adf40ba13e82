// Folds numbered events into what a page shows. Pure, so that the same events always give the same picture.
import { foldAttempt } from "./attempts.js";
import { countPlace } from "./places.js";

export function startOf(snapshot) {
  return {
    id: snapshot.id, status: snapshot.status, error: snapshot.error || null, output: snapshot.output,
    createdAt: snapshot.createdAt, startedAt: snapshot.startedAt, finishedAt: snapshot.finishedAt,
    waiting: snapshot.waitingReason ? { reason: String(snapshot.waitingReason).toUpperCase() } : null, asked: null, held: null,
    parked: snapshot.waitingReason === "QUEUE" ? snapshot.lastSeq : null, questions: new Map(), modified: new Map(), lastSeq: 0, at: null, steps: new Map(), order: [], open: new Set(), highest: new Map(),
    brought: new Map((snapshot.steps || []).filter((step) => step.reused && step.child).map((step) => [step.key, childOf(step)])),
  };
}

/** That it waits for a place of its bot only the table says: it holds up to the next event. Returns whether that is news. */
export function park(run, { waitingReason, lastSeq }) {
  if (lastSeq < run.lastSeq) return false; // what was read is older than what the events have told
  const before = run.parked;
  run.parked = waitingReason === "QUEUE" ? lastSeq : null;
  return run.parked !== before;
}

/** The step of an event, as a new object: whoever compares two pictures sees by identity what changed. */
function stepOf(run, event) {
  const key = event.stepKey;
  const old = run.steps.get(key);
  if (!old) run.order.push(key);
  const step = old ? { ...old } : { key, status: "PENDING", text: "", name: key.split("/").pop(), type: "entity", position: run.order.length - 1 };
  run.steps.set(key, step);
  return step;
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
    unpriced: Boolean(old.unpriced || (known === null && !data.source)),
  };
}

/** How fast its models wrote, from the first token on; what came from no model has no pace. */
function addPace(step, data) {
  if (data.source || !data.outputTokens || !data.durationMs) return;
  const tokens = (step.wrote?.tokens || 0) + data.outputTokens;
  const ms = (step.wrote?.ms || 0) + data.durationMs - (data.ttftMs || 0);
  step.wrote = { tokens, ms };
  step.tokensPerSecond = ms > 0 ? (tokens * 1000) / ms : null;
}

const EXECUTION_STATUS = {
  "execution.queued": "PENDING", "execution.started": "RUNNING", "execution.completed": "COMPLETED",
  "execution.failed": "FAILED", "execution.cancelled": "CANCELLED", "execution.timed_out": "TIMED_OUT", "execution.waiting": "WAITING",
  "execution.paused": "PAUSED", "execution.resumed": "PENDING",
};
const STEP_STATUS = {
  "step.completed": "COMPLETED", "step.failed": "FAILED", "step.skipped": "SKIPPED", "step.cancelled": "CANCELLED",
};
const FINAL = ["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"];
const ASKED = { "execution.pause_requested": "PAUSE", "execution.cancel_requested": "CANCEL" };

/** Taken back before it came to its step: what runs goes on running, what waits goes on waiting. */
const takenBack = (run, event) => event.type === "execution.resumed" && run.status !== "PAUSED";

function applyExecution(run, event, data) {
  if (takenBack(run, event)) {
    if (run.asked?.action === "PAUSE") run.asked = null;
    return;
  }
  run.status = EXECUTION_STATUS[event.type];
  if (event.seq > run.parked) run.parked = null;
  run.waiting = run.status === "WAITING" ? { reason: String(data.reason || "").toUpperCase(), seconds: data.seconds ?? null, at: event.at } : null;
  run.held = run.status === "PAUSED" ? { by: data.by ?? run.asked?.by, reason: data.reason ?? run.asked?.reason } : null;
  if (event.type !== "execution.started" || run.asked?.action !== "CANCEL") run.asked = null;
  if (event.type === "execution.queued") {
    if (data.input !== undefined) run.input = data.input;
    run.forkedFrom = data.forkedFrom ?? null;
    run.fromStep = data.fromStep ?? null;
    run.createdAt ||= event.at;
  }
  if (run.status === "RUNNING") run.startedAt ||= event.at;
  if (run.status === "WAITING") rest(run, run.waiting.reason);
  if (run.status === "PAUSED") rest(run, "PAUSED");
  if (run.status === "RUNNING") goOn(run);
  if (!FINAL.includes(run.status)) return;
  run.finishedAt = event.at;
  run.open = new Set();
  if (data.output !== undefined) run.output = data.output;
  if (data.error) run.error = data.error;
  for (const [key, step] of run.steps) {
    if (!["RUNNING", "PENDING", "WAITING"].includes(step.status)) continue;
    run.steps.set(key, { ...step, status: run.status === "COMPLETED" ? "COMPLETED" : "CANCELLED", finishedAt: step.finishedAt || event.at });
  }
}

const PARTS = ["goal", "description", "model", "tools", "notes"];

/** What is under way rests with its execution; what waits for something of its own still does. */
function rest(run, reason) {
  for (const key of run.open) {
    const step = run.steps.get(key);
    if (step.status === "WAITING" && !step.waits?.parked) continue;
    run.steps.set(key, { ...step, status: "WAITING", waits: { reason, at: run.at, parked: true } });
  }
}

/** It goes on with its execution, unless a person has not yet decided about it. */
function goOn(run) {
  const asked = new Set([...run.questions.values()].filter((q) => q.status === "PENDING").map((q) => q.stepKey));
  for (const key of run.open) {
    const step = run.steps.get(key);
    if (step.status === "WAITING" && !asked.has(key)) run.steps.set(key, { ...step, status: "RUNNING", waits: null });
  }
}

/** A person changed an entity for the rest of the run: what it does from here on is marked. */
function applyModified(run, event, data) {
  const parts = PARTS.filter((part) => data[part] !== undefined && data[part] !== null);
  run.modified.set(data.name, [...new Set([...(run.modified.get(data.name) || []), ...parts])]);
  for (const [key, step] of run.steps) {
    if (step.name !== data.name || step.type !== "entity") continue;
    const text = `${parts.join(", ")} changed${data.by ? ` by ${data.by}` : ""}, for its next call.`;
    run.steps.set(key, { ...step, story: added(step.story, { at: event.at, text: text[0].toUpperCase() + text.slice(1) }) });
  }
}

/** A question to a person, and what became of it. */
function applyQuestion(run, event, data) {
  const id = data.approvalId;
  if (event.type === "approval.requested") {
    run.questions.set(id, {
      id, status: "PENDING", kind: String(data.approvalKind || "tool").toUpperCase(), tool: data.tool ?? null, stepKey: event.stepKey,
      arguments: data.arguments ?? null, reason: data.reason ?? null, expiresAt: data.expiresAt ?? null, createdAt: event.at,
    });
    return;
  }
  const old = run.questions.get(id);
  const status = event.type === "approval.expired" ? "EXPIRED" : String(data.verdict || "decided").toUpperCase();
  if (old) run.questions.set(id, { ...old, status, decidedBy: data.by ?? null, note: data.note ?? null, decidedAt: event.at });
  let step = run.steps.get(event.stepKey);
  if (step?.status === "WAITING") {
    step = { ...step, waits: { reason: run.status === "PAUSED" ? "PAUSED" : "QUEUE", at: event.at, parked: true } };
    run.steps.set(step.key, step);
  }
  if (!["tool", "entity"].includes(step?.type) || data.arguments === undefined || data.arguments === null) return;
  const what = step.type === "entity" ? "its input" : "its arguments";
  const text = `${data.by || "Somebody"} changed ${what} and ${old?.kind === "REMEDY" ? "tried it again" : "agreed"}.`;
  run.steps.set(step.key, { ...step, input: data.arguments, story: added(step.story, { at: event.at, text }) });
}

const FREE = { cache: "Answered from the cache, at no cost", recorded: "Answered from the recording, at no cost" };
const added = (list, item) => [...(list || []), item];

function applyModel(step, event, data) {
  switch (event.type) {
    case "model.requested":
      step.status = "RUNNING";
      step.waits = null;
      step.text = "";
      step.requestedModel = step.requestedModel ?? data.model;
      step.tryNumber = data.tryNumber ?? 1;
      step.note = null;
      break;
    case "model.answered":
      step.model = data.model ?? step.model;
      step.provider = data.provider ?? step.provider;
      step.requestedModel = data.requestedModel ?? step.requestedModel;
      step.ttftMs = data.ttftMs ?? step.ttftMs;
      step.source = data.source ?? null;
      if (step.story) step.story = added(step.story, { at: event.at, text: data.source ? `${FREE[data.source] || data.source}.` : `${data.model || "The model"} answered.` });
      addUsage(step, data);
      addPace(step, data);
      break;
    default: {
      step.note = { message: data.message, hint: data.hint, retryIn: data.retryIn ?? null, nextModel: data.nextModel ?? null, at: event.at };
      const whose = data.nextFrom === "workspace" ? ", of the workspace's fallbacks," : "";
      const next = data.nextModel ? ` Asked ${data.nextModel}${whose} instead.` : data.retryIn ? ` Waited ${Math.round(data.retryIn * 10) / 10} s.` : "";
      step.story = added(step.story, { at: event.at, text: `${data.model ? `${data.model}: ` : ""}${data.message || data.kind}${next}` });
    }
  }
}

/** A refused call never became a step: the entity that asked for it tells of it. */
function refusedBy(run, event, data) {
  const owner = run.order.filter((key) => event.stepKey?.startsWith(key)).sort((a, b) => b.length - a.length)[0];
  const step = run.steps.get(owner);
  if (step) run.steps.set(owner, { ...step, story: added(step.story, { at: event.at, text: `The call of ${data.tool} was refused: ${data.reason}` }) });
}

const REMEDY = { retry: "Tried again", fallback: "Another model was asked", skip: "The step was passed by", continue: "A value was put in its place" };

function applyStep(run, step, event, data) {
  foldAttempt(step, event, data);
  switch (event.type) {
    case "step.started":
      Object.assign(step, {
        status: "RUNNING", text: "", attempt: event.attempt || step.attempt, startedAt: event.at, finishedAt: null, error: null, waits: null,
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
    case "step.waiting":
      step.status = "WAITING";
      step.waits = { reason: String(data.reason || "").toUpperCase(), at: event.at };
      if (data.error) step.error = data.error;
      break;
    case "step.child":
      step.child = { id: data.executionId, name: data.botName ?? null };
      break;
    case "step.outcome_unknown":
      step.story = added(step.story, { at: event.at, text: "The worker was lost in the middle of this call. Nobody knows whether it happened." });
      break;
    case "repair.tried":
      step.story = added(step.story, { at: event.at, text: `${REMEDY[data.action] || data.action}${data.by ? ` by ${data.by}` : ""}${data.reason ? `: ${data.reason}` : "."}` });
      break;
    default:
      if (event.type === "model.requested" && run.modified.has(step.name)) step.modified = run.modified.get(step.name);
      if (event.type.startsWith("model.")) applyModel(step, event, data);
      if (event.type === "tool.paid") addUsage(step, data);
      if (STEP_STATUS[event.type]) endStep(run, step, event, data);
  }
}

function endStep(run, step, event, data) {
  step.status = STEP_STATUS[event.type];
  step.finishedAt = event.at;
  step.waits = null;
  if (data.output !== undefined) step.output = data.output;
  if (data.name) step.name = data.name;
  if (data.type) step.type = data.type;
  if (data.parentKey !== undefined) step.parentKey = data.parentKey;
  if (data.reused) {
    step.reused = true;
    step.child ??= run.brought?.get(event.stepKey) ?? null;
  }
  if (data.edited) step.edited = true;
  if (data.handled) step.handled = data.handled;
  if (data.error) step.error = data.error;
}

/** Returns false for an event that was already seen. */
export function apply(run, event) {
  if (event.seq <= run.lastSeq) return false;
  run.lastSeq = event.seq;
  run.at = event.at;
  const data = event.data || {};
  if (EXECUTION_STATUS[event.type]) applyExecution(run, event, data);
  else if (ASKED[event.type]) run.asked = { action: ASKED[event.type], by: data.by, reason: data.reason };
  else if (event.type.startsWith("approval.")) applyQuestion(run, event, data);
  else if (event.type === "entity.modified") applyModified(run, event, data);
  else if (event.type === "tool.refused") refusedBy(run, event, data);
  else if (event.stepKey) {
    const step = stepOf(run, event);
    applyStep(run, step, event, data);
    if (event.type !== "step.delta") track(run, step);
  }
  return true;
}

const OPEN = ["RUNNING", "WAITING"];

/** Which steps are under way, so that a pause in a run of thousands looks only at those. */
function track(run, step) {
  if (OPEN.includes(step.status)) run.open.add(step.key);
  else run.open.delete(step.key);
  countPlace(run.highest, step);
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
  run.waiting = null;
  run.parked = null;
  run.asked = null;
  run.held = null;
  run.steps = new Map();
  run.order = [];
  run.open = new Set();
  for (const step of [...(snapshot.steps || [])].sort((a, b) => a.position - b.position)) {
    run.steps.set(step.key, { ...step, child: childOf(step), ...told(before.get(step.key)), error: withDiagnosis(step.error, before.get(step.key)?.error) });
    run.order.push(step.key);
    countPlace(run.highest, step);
  }
}

const childOf = (step) => (step.child ? { id: step.child.id, name: step.child.bot?.name ?? step.child.name ?? null } : null);

/** What only the events say. */
function told(step) {
  if (!step) return { text: "" };
  const { text, reasoning, story, edited, handled, tryNumber, attempts, modified } = step;
  return { text: text || "", reasoning, story, edited, handled, tryNumber, attempts, modified, ...(step.child ? { child: step.child } : {}) };
}

const withDiagnosis = (error, earlier) => (error && !error.diagnosis && earlier?.diagnosis ? { ...error, diagnosis: earlier.diagnosis } : error);

/** Adds to a settled picture what a later reading of its events tells beyond the tables. */
export function enrich(run, folded) {
  for (const [key, step] of run.steps) {
    const seen = folded.steps.get(key);
    if (seen) run.steps.set(key, { ...step, ...told(seen), error: withDiagnosis(step.error, seen.error) });
  }
  run.questions = folded.questions;
  run.modified = folded.modified;
  run.forkedFrom = folded.forkedFrom;
  run.fromStep = folded.fromStep;
  run.lastSeq = folded.lastSeq;
  run.pruned = folded.pruned;
}

function copyOf(run) {
  return { ...run, steps: new Map(run.steps), order: [...run.order], questions: new Map(run.questions), modified: new Map(run.modified), open: new Set(run.open), highest: new Map(run.highest) };
}

const EVERY = 200;

/** The picture after each event. A fold is kept every 200 events, so that any place is near one. */
export class Past {
  constructor(snapshot, events) {
    this.events = events;
    this.kept = [startOf({ id: snapshot.id, status: "PENDING", createdAt: snapshot.createdAt })];
  }
  at(number) {
    const wanted = Math.min(Math.max(number, 0), this.events.length);
    while (this.kept.length <= Math.floor(wanted / EVERY)) this.keepNext();
    return this.folded(Math.floor(wanted / EVERY), wanted);
  }
  keepNext() {
    const from = this.kept.length - 1;
    this.kept.push(this.folded(from, (from + 1) * EVERY));
  }
  folded(from, until) {
    const run = copyOf(this.kept[from]);
    for (let i = from * EVERY; i < until; i += 1) apply(run, this.events[i]);
    return run;
  }
}

export function totals(run) {
  if (run.usage) return run.usage;
  let tokens = 0;
  let cost = 0;
  let estimated = false;
  let unpriced = false;
  for (const { usage } of run.steps.values()) {
    if (!usage) continue;
    tokens += Number(usage.totalTokens ?? (usage.inputTokens || 0) + (usage.outputTokens || 0));
    cost += Number(usage.cost || 0);
    estimated ||= Boolean(usage.estimated);
    unpriced ||= Boolean(usage.unpriced);
  }
  return { totalTokens: tokens, cost: String(cost), estimated, unpriced };
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
    const late = (step) => (step.status === "SKIPPED" && !step.startedAt ? 1 : 0);
    const list = (children.get(parent) || []).sort((a, b) => late(a) - late(b) || (a.position ?? 0) - (b.position ?? 0));
    for (const step of list) {
      out.push({ step, depth });
      walk(step.key, depth + 1);
    }
  };
  walk(null, 0);
  return out;
}

export const isLeaf = (step) => ["entity", "tool", "use"].includes(String(step.type || "entity").toLowerCase());
