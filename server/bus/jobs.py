"""The names of all jobs that arq may bring."""

ADVANCE = "advance"
