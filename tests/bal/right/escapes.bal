a {
  "goal": "tab\t quote\" slash\/ nul\0 joined \
line pair \ud83d\ude00 é\u00e9"
  'description': 'it\'s'
}
