"""Whatever of the server is imported first: this stands before it."""

from server.core.late_methods import write_methods_late
from server.core.sparing import spare

write_methods_late()
spare()
