# Reviews in bulk
# Judges many product reviews side by side and counts how they fall.
# sample: {"reviews": ["Arrived in two days and works perfectly.", "The zip broke after a week. Very disappointed.", "Does what it says, nothing more."]}

judge {
  "goal": "Judge this product review."
  "description": "Judges a list of reviews at once and counts them"
  "icon": "list-checks"
  "output": {
    "mood": "enum('good', 'mixed', 'bad')"
    "reason": "string"
  }
}

chain {
  map result.reviews { judge }
  select {
    "count": result.length
    "reviews": result
  }
}
