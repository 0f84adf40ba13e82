# Every construct of the language once.
defaults { "model": "openai:gpt-4o-mini", "fallbacks": ["anthropic:claude-sonnet-4-5"], "timeout": 60, "budget": 0.5, "strict": false, "queue": "nightly" }

planner {
  "description": "Splits a question"
  "icon": "🧭"
  "goal": "Split the question into parts"
  "model": "openai/gpt-4o:2024.08"
  "tools": ["web_search", "fetch_url"]
  "can_request": { "send_mail" }
  "input": { "question": "string" }
  "output": {
    "parts": "array<object { text: string, weight: ?number(0, 1) }>" // each part
    "kind": "simple|hard|null"
    "score": "integer(0, 10)"
    "nested": { "a": string, "b": "object { 'odd key': any, }" }
  }
  "history": none
  "temperature": .5
  "maxTokens": 2000
  "reasoning": low
  "stopWhen": "stepCount:5"
  "retries": 2
  "timeout": 30.5
  "budget": 0.01
  "idempotent": false
  "output_to": ["storage", "email:team@example.com", "email:daily@9am", "webhook:https://example.com/{{result.score}}"]
  "analytics": {
    "track": [
      { "name": "answers", "type": "count" }
      { "name": "good", "type": "percentage", "condition": "status = 'completed' and score > 5" }
      { "name": "words", "type": "top_n", "field": "parts", "n": 10 }
    ]
    "compare": week_over_week
    "alert_when": "good < 40% or avg_duration > 5000"
  }
  "trigger": ["webhook:ask", "schedule:weekdays@9am tz=Europe/Berlin", { type: bb_completion, sourceBaleybotId: "other", completionType: failure }]
}
worker { goal: 'Answer one part', output: { text: string, score: number, ok: boolean } }
judge { goal: "Judge the answer", output: { kind: "enum('good', 'bad')", pass: boolean } }

run({ question: "Why? {{$user.name}}", depth: 3 })

chain {
  planner with { tone: "short", user: $user.name, list: [1, 2, { deep: result }] } => plan
  use web_search with { query: "{{$plan.parts[0].text}} and {{planner.score}}" } => found on_error skip
  parallel (concurrency: 2, errors: wait) { worker "second": worker chain { worker judge } }
  merge { first: branch_0.text, second: "result.second.text", "literal": "plain", found: $found, all: { of: [result.branch_2] } }
  if ("result.first == 'x' and $plan.score > 5") { worker } else if ("{{result.ok}}") { worker } else { judge }
  loop ("until": "result.score >= 8 || iteration > 3", "max": 5) { worker }
  map $plan.parts { worker } => texts
  map (result, concurrency: 4, errors: collect) { worker }
  map "sort(result)" { processor("pick") { "item.text" } }
  filter ("item.score > 5") { }
  filter ("length(item.text) > 1 && index < 3") { worker }
  select { best: "result[0]", count: result.length, last: result[-1]["text"] }
  gate ("result.count > 0") { worker }
  try (retries: 2, delay: 100) { worker } catch { worker with { why: error.message } } finally { judge }
  route (judge) { "good": worker, bad: { worker judge }, default: select { key: route.key } }
  route ("result.key") { true: worker "other": judge on_error stop } on_error continue with { text: "none" }
  processor("total") { "{double: result.n * 2, texts: $texts}" } => total
  select { total: $total }
  when judge { "pass": worker "fail": judge }
  worker on_error pause
}

analytics { alertWhen: "success_rate < 90", track: [] }
