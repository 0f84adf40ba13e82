# Write, judge, repair until the score is good enough.
writer { "goal": "Write the article", "output": { "text": "string" } }
critic { "goal": "Judge it", "input": { "text": "string" }, "output": { "text": "string", "score": "number(0, 10)", "notes": "?string" } }
editor { "goal": "Repair it", "input": { "text": "string", "notes": "?string" }, "output": { "text": "string" } }

chain {
  writer
  critic
  loop ("until": "result.score >= 8", "max": 3) {
    editor
    critic
  }
}
