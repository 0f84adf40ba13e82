# Data extraction
# Takes the fields of an order out of a free text, with types that are checked.
# sample: "Hello, this is Amara Diallo from Nordlicht GmbH. Please send 12 desk lamps and 3 floor lamps to Hafenstrasse 5, Hamburg. We need them by 3 May. My number is +49 40 555 0199."

extractor {
  "goal": "Take the order out of this message. Leave a field null when the message does not say it."
  "description": "An order out of a free text, as typed data"
  "icon": "table"
  "temperature": 0
  "output": {
    "customer": "string"
    "company": "?string"
    "address": "?string"
    "due": "?string"
    "phone": "?string"
    "items": "array<object { name: string, quantity: integer }>"
  }
}

chain {
  extractor
  processor ("count the items") { "{ customer: result.customer, company: result.company, address: result.address, due: result.due, phone: result.phone, items: result.items, lines: result.items.length }" }
}
