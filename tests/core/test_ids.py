from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.errors import NotFound
from server.core.ids import PREFIXES, new_uuid, public_id, read_id, split_id


def test_ids_are_uuid7_and_grow() -> None:
    made = [new_uuid() for _ in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {each.version for each in made} == {7}
    assert {each.variant for each in made} == {"specified in RFC 4122"}
    at = datetime.fromtimestamp((made[0].int >> 80) / 1000, UTC)
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=60)


@given(st.uuids())
def test_the_outside_form_reads_back(uuid: UUID) -> None:
    text = public_id("bot", uuid)
    assert text.startswith("bot_")
    assert len(text) == 30
    assert text == text.lower()
    assert read_id("bot", text) == uuid


@given(st.uuids(), st.uuids())
def test_both_forms_sort_alike(one: UUID, two: UUID) -> None:
    assert (one < two) == (public_id("bot", one) < public_id("bot", two))


GOOD = public_id("bot", UUID("019f3c1a-29d4-7b72-9f55-be1fc90778d1"))


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "bot_",
        GOOD.upper(),
        GOOD + " ",
        GOOD[:-1],
        GOOD + "0",
        "exe_" + GOOD[4:],
        "Bot:1",
        "bot_" + "z" * 26,
        "bot_" + "l" * 26,
        "bot_" + "０" * 26,
        "bot_" + "\x00" * 26,
        "-1",
        "1" * 10_240,
        "0374ebaf-29d4-4b72-9f55-be1fc90778d1",
        "Ym90OjE=",
    ],
)
def test_junk_is_simply_not_found(junk: str) -> None:
    with pytest.raises(NotFound, match="no such bot"):
        read_id("bot", junk)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_quietly(text: str) -> None:
    found = split_id(text)
    assert found is None or public_id(*found) == text


def test_every_kind_has_its_own_prefix() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)
    assert all(len(prefix) == 4 and prefix.endswith("_") for prefix in PREFIXES.values())
