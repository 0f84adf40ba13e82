import server as server  # first: what it leaves out of a start is left out of the tests' too
