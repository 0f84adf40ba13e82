// What completion offers and hover explains, one line per word.
import { snippet } from "@codemirror/autocomplete";

export const PROPERTIES = {
  goal: "The instruction. Required.",
  model: "Which model answers, as provider:model. Without it the default model is used.",
  fallbacks: "Models to try, in order, when the first one fails; [] for none, not even the workspace's.",
  tools: "Tools the entity may call on its own.",
  can_request: "Tools it may use only after a person approves.",
  output: "The fields of the answer and their types. Without it the answer is free text.",
  input: "The fields this entity expects and their types.",
  history: "inherit (default) or none: whether the earlier conversation is passed on.",
  temperature: "0 to 2. Lower is steadier, higher is freer.",
  maxTokens: "The longest answer, in tokens.",
  reasoning: "true, false, low, medium or high.",
  stopWhen: "stepCount:N, hasToolResult:NAME or noToolCalls.",
  retries: "0 to 10: how often a failed model call is tried again.",
  timeout: "Seconds, 1 to 86400.",
  cache: "Seconds for which an equal question is answered the same, at no cost; up to 2592000.",
  budget: "US dollars one call may cost.",
  idempotent: "false: the call is not repeated after a crash.",
  on_tool_error: "tell (default): a failure of a tool is told to the model; pause: a person decides, with the diagnosis.",
  trigger: "When it starts by itself: manual, webhook, schedule:…, bb_completion:…, event:…",
  output_to: "Where the result goes: storage, dashboard, notification, webhook, email.",
  analytics: "Numbers to keep about the runs.",
  description: "One sentence for people. Shown only.",
  icon: "An emoji or an icon name. Shown only.",
};

export const KEYWORDS = {
  chain: "Runs the steps one after the other; each gets what the one before made.",
  parallel: "Gives every branch the same input, all at once. The result is an object with a field per branch.",
  if: "Runs the block when the quoted condition holds, else the other one.",
  else: "What runs when the condition does not hold.",
  loop: "Repeats the block until the condition holds or max rounds are done. The test comes after the body.",
  map: "Runs the block once per item of a list, side by side; results keep the order.",
  select: "Builds a new object from paths of the current value.",
  merge: "Builds one object from the results of a parallel block.",
  with: "Builds the context a step gets beside its input.",
  run: "The default input when the caller gives none.",
  try: "Runs the block, again up to retries times; then catch, and finally always.",
  catch: "What runs with the same input when the block failed. error has message, kind and entity.",
  finally: "Runs always; its value is dropped.",
  route: "Picks a handler by the answer of a classifier or a condition.",
  gate: "An if without else.",
  filter: "Keeps the items of a list for which the condition holds.",
  processor: "The value of an expression. No model is called.",
  use: "Calls a tool without a model.",
  when: "Older form of a verdict with pass and fail. Prefer if or route.",
  on_error: "What happens when this step fails: stop, skip, pause or continue with a value.",
  defaults: "Settings that hold for all entities.",
  analytics: "Numbers to keep about the runs of this bot.",
};

export const TYPES = ["string", "number", "integer", "boolean", "object", "array<string>", "?string",
  "enum('a', 'b')", "number(0, 1)", "any"];

const form = (label, template, info) => ({ label, type: "keyword", info, apply: snippet(template), boost: -1 });

export const SNIPPETS = [
  form("entity", '${name} {\n  "goal": "${What it should do}"\n}', "A new entity"),
  form("chain { }", "chain {\n  ${first}\n  ${second}\n}", KEYWORDS.chain),
  form("parallel { }", "parallel {\n  ${left}\n  ${right}\n}", KEYWORDS.parallel),
  form("if ( ) { }", 'if ("${result.ok}") {\n  ${step}\n}', KEYWORDS.if),
  form("loop ( ) { }", 'loop ("until": "${result.done}", "max": ${3}) {\n  ${step}\n}', KEYWORDS.loop),
  form("map { }", "map ${result.items} {\n  ${step}\n}", KEYWORDS.map),
  form("try { } catch { }", 'try ("retries": ${2}) {\n  ${step}\n} catch {\n  ${other}\n}', KEYWORDS.try),
];
