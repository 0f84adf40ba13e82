defaults { "model": "openai:gpt-4o-mini", "fallbacks": ["demo:standard"], "timeout": 60, "strict": true }

researcher {
  goal: "Find what matters"
  model: "anthropic:claude-sonnet-4-5"
  tools: [web_search, fetch_url]
  can_request: [send_notification]
  output: { facts: "array<string>", score: "number(0, 10)", kind: "enum('news', 'guide')" }
  history: none
  temperature: 0.2
  maxTokens: 2000
  reasoning: low
  stopWhen: "stepCount:5"
  retries: 2
  budget: 0.5
  idempotent: false
  output_to: ["storage", "email:me@example.com"]
}
writer { goal: "Write" input: { facts: "array<string>" } output: { text: "string", meta: { words: "integer" } } }
judge { goal: "Judge" }
nightly { goal: "Clean up" trigger: ["schedule:daily@3am tz=Europe/Berlin", "webhook:clean"] }
analytics { track: [{ name: "answers", type: "count" }] }
run({ topic: "cats of {{$user.name}}", depth: 2 })

parallel (errors: collect, concurrency: 2) { "facts": researcher with { tone: "short", topic: result.topic } => found b2 }
b2 { goal: "Second" }
if ("result.facts.score > 5") { writer } else if ("result.b > 1") { writer writer } else { select { empty: true } }
gate ("result") { writer }
loop ("until": "result.score >= 8", "max": 3) { writer => draft judge on_error continue with { score: 0 } }
map (result.items, concurrency: 4, errors: skip) { writer } => texts
filter ("item.words > 100") { }
merge { all: "$texts", first: result[0], odd: result['odd key'], list: [1, "x", null] }
processor("count") { "length($texts)" }
try ("retries": 1, "delay": 250) { use store_memory with { key: "k", value: "{{result}} of {{writer.text}}" } on_error pause } catch { select { why: error.message } } finally { use note }
route (judge) { "good": writer "bad": { writer judge } default: select { k: route.key } }
route ("result.kind") { "x": writer }
when judge { "pass": writer "fail": judge }
select { cost: $run.cost }
chain { writer judge }
