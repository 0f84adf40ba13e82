# Hello, bot
# Sums up any text in a few sentences: the quickest way to see a bot at work.
# sample: "A small bakery in Lisbon started to write down every unsold loaf. After three weeks the owner saw a pattern: rain in the morning cost a third of the sales. She now looks at the forecast at five and bakes less dark bread on wet days. Waste fell by half, and nobody has missed a loaf."

summarizer {
  "goal": "Sum up the text in two or three plain sentences. Keep names and numbers. No preamble."
  "description": "Sums up any text in a few sentences"
  "icon": "sparkles"
  "output": { "summary": "string" }
}
