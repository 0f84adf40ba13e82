a {
  goal: hello
  model: gpt_4o
  tools: web_search
  canRequest: "send_mail"
  reasoning: true
  stop_when: noToolCalls
  history: "inherit"
  max_tokens: 1e3
  temperature: 2
  outputTo: storage
  triggers: manual
  output: {}
  system: { free: [1, -2.5, null, true, { x: { } }] }
  fallbacks: { "a", b }
}
