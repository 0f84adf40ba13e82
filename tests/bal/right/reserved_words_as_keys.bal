a { goal: "x", output: { if: string, run: string } }
chain {
  a => run
  select { if: result.if, "else": result.run, chain: $run.if }
  route ("result.if") { if: a true: a null: a }
  parallel { "try": a "with": a }
}
