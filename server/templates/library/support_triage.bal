# Support triage
# Sorts a message by topic and urgency, then answers it the way its topic needs.
# sample: "Hi, I was charged twice for my March invoice (no. 20417). Please return the second payment. I need this today, our books close tonight. Regards, Ines"

triage {
  "goal": "Sort this customer message by topic and urgency, and sum it up in one sentence."
  "description": "Sorts a message and drafts the right kind of answer"
  "icon": "inbox"
  "output": {
    "topic": "enum('billing', 'technical', 'other')"
    "urgency": "enum('low', 'normal', 'high')"
    "summary": "string"
  }
}

billing_reply {
  "goal": "Draft a friendly reply about billing. Name the invoice if there is one. Promise nothing that is not in the message."
}

technical_reply {
  "goal": "Draft a helpful reply about the technical problem: what to try first, and what to send us if that does not help."
}

general_reply {
  "goal": "Draft a short friendly reply and ask one question that helps to go on."
}

chain {
  triage => ticket
  if ("result.topic == 'billing'") {
    billing_reply
  } else if ("result.topic == 'technical'") {
    technical_reply
  } else {
    general_reply
  }
  select {
    "topic": $ticket.topic
    "urgency": $ticket.urgency
    "summary": $ticket.summary
    "reply": result
  }
}
