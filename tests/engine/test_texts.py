"""What a commit says is JSON without secrets, whatever the secret looks like."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from server.core.logs import MASK, Redaction
from server.engine import blobs, texts
from server.engine.blobs import Blobs
from server.models.large import PREVIEW_CHARACTERS, Large

DIGITS = "9876543210123"
KEY = "nk-canary-0123456789"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Redaction([DIGITS, KEY])
    monkeypatch.setattr(texts, "REDACTION", known)
    monkeypatch.setattr(blobs, "REDACTION", known)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": f"it is {KEY}"}, {"a": f"it is {MASK}"}),
        ({"a": "of old", "n": 7}, {"a": "of old", "n": 7}),
        ({"n": int(f"1{DIGITS}")}, MASK),
        ({"a": f"\n{KEY}", "n": [1, int(DIGITS)]}, MASK),
    ],
)
def test_no_secret_is_stored_and_json_stays_json(value: Any, shown: Any) -> None:
    said = texts.Texts()
    assert said.shown(value) == shown
    assert DIGITS not in said.of(value)


async def test_a_preview_does_not_end_in_half_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stored(*_: object) -> None: ...

    monkeypatch.setattr(blobs, "_stored", stored)
    value = "x" * (PREVIEW_CHARACTERS - 12) + KEY + "y" * 100
    large = await Blobs().put(uuid4(), texts.Texts().of(value), value)
    assert isinstance(large, Large)
    assert KEY[:6] not in large.preview
    assert len(large.preview) == PREVIEW_CHARACTERS
