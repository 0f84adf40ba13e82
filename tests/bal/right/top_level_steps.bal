a { goal: "x" }
b { goal: "y" }
parallel { "left": a "right": b }
merge { text: result.left, "other": "result.right" }
use wait with { seconds: 5 }
processor("n") { "length(result)" }
