// one
a { # two
  "goal": "text with # and // and { inside" // three
  # four
  "output": { // five
    "n": "object { // six
      a: string # seven
      b: number
    }"
  }
} # eight
chain { // nine
  a # ten
  // eleven
} // twelve
# thirteen
