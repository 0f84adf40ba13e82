"""What stands in a row for a value that is kept as a blob.

In the column it is text that no JSON begins with, so a value of a program can never pass for it.
Where it is shown to people and programs outside it looks like `{"$large": {…}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.core.ids import public_id
from server.core.jsontext import dumps, loads

MARK = "~"
PREVIEW_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Large:
    """`size` in bytes of JSON; `preview` is how it begins."""

    id: UUID
    size: int
    sha256: str
    preview: str

    def to_text(self) -> str:
        kept = {"id": str(self.id), "size": self.size, "sha256": self.sha256}
        return MARK + dumps({**kept, "preview": self.preview})

    @classmethod
    def from_text(cls, text: str) -> Large:
        found = loads(text.removeprefix(MARK))
        return cls(UUID(found["id"]), found["size"], found["sha256"], found["preview"])

    def to_json(self) -> dict[str, Any]:
        """The form outside."""
        blob = public_id("blob", self.id)
        shown = {"blob": blob, "url": f"/blobs/{blob}", "bytes": self.size}
        return {"$large": {**shown, "preview": self.preview}}


def read_value(text: str) -> Any:
    """A column with JSON, or with what stands for it."""
    return Large.from_text(text) if text.startswith(MARK) else loads(text)


def value_text(value: Any) -> str:
    return value.to_text() if type(value) is Large else dumps(value)
