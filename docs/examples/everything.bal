# Every construct of the language in one program. It turns the letters of a day into a digest.
# Run it from this folder: baleybots bal run everything.bal --replies everything.replies.json
defaults {
  "model": "openai:gpt-4o-mini",
  "fallbacks": ["anthropic:claude-sonnet-4-5"],
  "timeout": 120,
  "budget": 0.5
}

reader {
  "description": "Reads one letter",
  "icon": "📨",
  "goal": "Say what the letter is about and how urgent it is",
  "tools": ["fetch_url"],
  "can_request": ["send_notification"],
  "input": {
    "from": "string",
    "text": "string"
  },
  "output": {
    "subject": "string",
    "kind": "enum('complaint', 'question', 'praise')",
    "urgency": "integer(0, 10)",
    "people": "array<object { name: string, role: ?string }>" // who is named in it
  },
  "history": "none",
  "temperature": 0.2,
  "maxTokens": 800,
  "stopWhen": "stepCount:5",
  "retries": 2,
  "output_to": ["storage", "email:team@example.com"],
  "analytics": {
    "track": [
      { "name": "letters", "type": "count" },
      { "name": "complaints", "type": "percentage", "condition": "kind = 'complaint'" },
      { "name": "urgency", "type": "average", "field": "urgency" }
    ],
    "compare": "week_over_week",
    "alert_when": "complaints > 40% and letters >= 10"
  },
  "trigger": ["webhook:letters", "schedule:weekdays@9am tz=Europe/Berlin"]
}

writer {
  "goal": "Write the digest, better in every round",
  "output": {
    "text": "string",
    "score": "number(0, 10)"
  },
  "reasoning": "low"
}

critic {
  "goal": "Name the weakest claim",
  "output": {
    "claim": "string"
  }
}

historian {
  "goal": "Tell what happened before",
  "output": {
    "before": "string"
  }
}

sorter {
  "goal": "Choose the desk for this digest: sales, support or press",
  "output": {
    "route": "enum('sales', 'support', 'press')"
  }
}

judge {
  "goal": "Say whether the digest can go out",
  "output": {
    "pass": "boolean",
    "text": "string"
  }
}

# Outside the composition: a second way in, which runs alone.
cleaner {
  "goal": "Delete what is older than a month",
  "output": {
    "deleted": "integer"
  },
  "idempotent": false,
  "trigger": "schedule:monthly@1@3am"
}

run({
  "letters": [
    { "from": "Ada", "text": "My order is late" },
    { "from": "Bo", "text": "Thank you" },
    { "from": "Cy", "text": "Where is my refund?" }
  ]
})

chain {
  # Each letter, one after the other or side by side; what cannot be read is kept as an error.
  map (result.letters, concurrency: 4, errors: collect) {
    reader
  } => read
  # Only what is urgent, each with its place in the list.
  filter ("item.urgency >= 5 && index < 10") {
    select { "subject": item.subject, "urgency": item.urgency, "place": index }
  } => urgent
  processor ("Count") { "{urgent: result, count: result.length, total: sum([4, 5, result.length])}" }
  gate ("result.count > 0") {
    writer with { "tone": "short", "letters": $read[0].subject, "asked": input.letters[0].from }
  } => draft
  loop ("until": "result.score >= 8 || iteration >= 4", "max": 5) {
    writer
  } => final
  parallel (concurrency: 2, errors: wait) {
    "claim": critic
    "past": chain {
      historian
      select { "before": "result.before", "said": "in short" }
    }
    select { "score": $final.score }
  }
  merge {
    "text": $final.text,
    "claim": "result.claim.claim",
    "before": result.past.before,
    "score": branch_2.score,
    "first": $draft.text,
    "note": "written by a bot"
  }
  if ("result.score > 9") {
    select { "digest": "result.text" }
  } else if ("result.claim == 'none'") {
    select { "digest": "result.text" }
  } else {
    processor ("Remark") { "{digest: result.text + ' (' + upper(result.claim) + ')', before: result.before}" }
  } => digest
  # A tool without a model; its failure is told and the digest goes on.
  try ("retries": 1, "delay": 100) {
    use publish with {
      "title": "{{$digest.digest}}",
      "urgent": $urgent,
      "by": "{{$trigger.kind}}"
    }
  } catch {
    select { "problem": error.message, "in": error.entity }
  } finally {
    use note with { "text": "tried to publish {{result.problem}}" } on_error skip
  } => published
  route (sorter) {
    "press": select { "desk": route.key, "why": route.output.route }
    "sales": {
      writer
      critic
    }
    "default": select { "desk": "nobody" }
  } => desk
  route ("$desk.desk == 'press'") {
    "true": critic on_error continue with { "claim": "not asked" }
    "false": historian
  }
  when judge {
    "pass": select { "said": "result.text" }
    "fail": writer on_error stop
  }
  map "slice($read, 0, 2)" {
    select { "subject": item.subject, "place": index }
  } => subjects
  select {
    "digest": $digest.digest,
    "subjects": $subjects,
    "urgent": $urgent,
    "published": $published,
    "desk": $desk.desk
  }
}

analytics {
  "track": [{ "name": "digests", "type": "count" }],
  "compare": "day_over_day",
  "alert_when": "success_rate < 90%"
}
