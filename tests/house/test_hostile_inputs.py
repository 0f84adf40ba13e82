"""Every hostile input of the security list is shown by a test that names it behind its first line:
`# S57`. The texts of the rows are kept with the requirements; here are their numbers."""

from __future__ import annotations

import re

from tests.house.files import text, tracked

ROWS = {f"S{n:02}" for n in (*range(1, 30), *range(51, 64), *range(69, 77))} | {"F44"}
NAMED = re.compile(r"^(?:async )?def test_\w+\(.*  # ([SF]\d\d(?:, [SF]\d\d)*)$", re.MULTILINE)


def test_every_hostile_input_has_a_test_that_names_it() -> None:
    found: set[str] = set()
    for path in tracked():
        if path.parts[0] == "tests" and path.suffix == ".py":
            for rows in NAMED.findall(text(path) or ""):
                found |= set(rows.split(", "))
    assert ROWS - found == set()
