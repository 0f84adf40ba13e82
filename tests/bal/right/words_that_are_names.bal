processor { "goal": "An entity may be called so" }
route { "goal": "and so" }
gate { "goal": "and so" }
filter { "goal": "and so" }
use { "goal": "and so" }
on_error { "goal": "and so" }
analytics { "goal": "and so" }
defaults { "goal": "and so" }
chain { processor route gate filter use on_error analytics defaults use processor }
