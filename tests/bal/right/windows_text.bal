a {
  "goal": "two
lines",
  output: { n: number }
}

chain { a
}
