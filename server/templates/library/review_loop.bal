# Review loop
# Writes a text and lets a critic score it until it is good enough, at most three rounds.
# sample: "An invitation to the summer party of a rowing club, 14 June, by the boathouse, bring cake"

author {
  "goal": "Write the text that is asked for. Where there is feedback, improve the text by it."
  "description": "A writer and a critic, until the score is 8 or better"
  "icon": "refresh"
}

critic {
  "goal": "Score the text from 0 to 10 for clarity, and say what to improve. Give the text back unchanged."
  "output": { "score": "number(0, 10)", "feedback": "string", "text": "string" }
}

chain {
  loop (until: "result.score >= 8", max: 3) {
    author
    critic
  }
  select {
    "text": result.text
    "score": result.score
  }
}
