# Translate and compare
# Translates a text twice, freely and closely, and says which version serves better.
# sample: "The early bird catches the worm, but the second mouse gets the cheese."

close_translation {
  "goal": "Translate the text into German, as close to its wording as good German allows."
  "description": "Two translations side by side, and a verdict"
  "icon": "languages"
}

free_translation {
  "goal": "Translate the text into German as a native author would have written it."
}

judge {
  "goal": "Compare the two translations with the original. Say which one serves a reader better, and why, in two sentences."
  "output": { "better": "enum('close', 'free')", "why": "string" }
}

chain {
  parallel {
    "close": close_translation
    "free": free_translation
  }
  merge {
    "original": input
    "close": result.close
    "free": result.free
  } => versions
  judge
  select {
    "better": result.better
    "why": result.why
    "close": $versions.close
    "free": $versions.free
  }
}
