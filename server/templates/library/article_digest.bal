# Article digest
# Reads an article, looks at its facts and its tone side by side, and writes a digest.
# sample: "The city council voted on Tuesday to close the old bridge for two years. The repair costs 14 million euros, four million more than planned in 2023. Shop owners on the east bank fear for their customers and ask for a free ferry. The mayor promised an answer by the end of May and called the closure painful but overdue. Engineers had found cracks in three of the five pillars."

outline {
  "goal": "List the main points of the article as short lines, most important first."
  "description": "Facts and tone of an article, side by side, then a digest"
  "icon": "newspaper"
}

facts {
  "goal": "From these points, keep only checkable facts: names, dates, numbers, decisions."
  "output": { "facts": "array<string>" }
}

tone {
  "goal": "Judge the tone of these points."
  "output": { "tone": "enum('neutral', 'positive', 'negative', 'mixed')", "why": "string" }
}

writer {
  "goal": "Write a digest of at most 120 words from the facts, and say in one closing sentence how the article sounds."
  "output": { "title": "string", "text": "string" }
}

chain {
  outline
  parallel {
    "facts": facts
    "tone": tone
  }
  merge {
    "facts": result.facts.facts
    "tone": result.tone.tone
    "why": result.tone.why
  }
  writer
}
