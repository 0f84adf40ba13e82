# Reads an article from two sides at once and writes a balanced digest.
historian { "goal": "Tell in three sentences where the topic of the article comes from" }
critic { "goal": "Name the three weakest claims of the article" }
editor {
  "goal": "Write a balanced digest from the background and the critique",
  "output": { "title": "string", "digest": "string" }
}

chain {
  parallel {
    "background": historian
    "critique": critic
  }
  editor
}
