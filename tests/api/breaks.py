"""What breaks a client since the last landing. `python -m tests.api.breaks` prints what is not yet
declared in breaks.txt; with `--land` the present SDL becomes the landed one and the list empty."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase

from graphql import BreakingChange, GraphQLSchema, build_schema, find_breaking_changes

from tests.house.files import ROOT

FOLDER = ROOT / "graphql-schema"
LANDED = FOLDER / "landed.graphql"
DECLARED = FOLDER / "breaks.txt"
HEAD = """\
# Breaks of the schema since landed.graphql, one a line: the break, " | ", why it is worth it.
# A * stands for any text. `python -m tests.api.breaks` prints what is missing here.
"""


def landed() -> GraphQLSchema:
    return build_schema(LANDED.read_text())


def line_of(change: BreakingChange) -> str:
    return f"{change.type.name} {change.description}"


def declared() -> dict[str, str]:
    """Each declared break with its reason."""
    lines = [line for line in DECLARED.read_text().splitlines() if line and line[0] != "#"]
    parts = [line.partition(" | ") for line in lines]
    return {found: why for found, _, why in parts}


def undeclared(found: set[str]) -> list[str]:
    known = declared()
    return sorted(line for line in found if not any(fnmatchcase(line, one) for one in known))


def main(arguments: list[str]) -> None:
    present = (FOLDER / "schema.graphql").read_text()
    if "--land" in arguments:
        LANDED.write_text(present)
        DECLARED.write_text(HEAD)
        return
    found = find_breaking_changes(landed(), build_schema(present))
    sys.stdout.writelines(f"{line} | \n" for line in undeclared(set(map(line_of, found))))


if __name__ == "__main__":
    main(sys.argv[1:])
