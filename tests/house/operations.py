"""The shipped example operations: `# title`, `# text`, perhaps `# variables {…}`, then GraphQL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.house.files import ROOT

FOLDER = ROOT / "graphql-schema/examples"


@dataclass(frozen=True)
class Operation:
    name: str
    title: str
    text: str
    variables: dict[str, Any]
    document: str

    def given(self, ids: dict[str, str]) -> dict[str, Any]:
        """The variables with ids where the example says BOT, EXECUTION or SESSION."""
        text = json.dumps(self.variables)
        for word, known in ids.items():
            text = text.replace(f'"{word}"', json.dumps(known))
        return json.loads(text)


@cache
def operations() -> list[Operation]:
    return [_read(path.stem, path.read_text()) for path in sorted(FOLDER.glob("*.graphql"))]


def _read(name: str, text: str) -> Operation:
    lines = text.strip().splitlines()
    head = [line[2:] for line in lines if line.startswith("# ")]
    given = [line.removeprefix("variables ") for line in head if line.startswith("variables ")]
    return Operation(
        name,
        title=head[0],
        text=head[1],
        variables=json.loads(given[0]) if given else {},
        document="\n".join(line for line in lines if not line.startswith("#")),
    )
