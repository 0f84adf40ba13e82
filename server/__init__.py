"""Whatever of the server is imported first: this stands before it."""

from server.core.sparing import spare

spare()
