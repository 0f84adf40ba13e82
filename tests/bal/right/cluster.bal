hub { "goal": "Ask the others", "tools": ["spawn_baleybot", "store_memory"] }
searcher { "goal": "Search", "tools": ["web_search", "store_memory"] }
writer { "goal": "Write", "trigger": "bb_completion:searcher" }
