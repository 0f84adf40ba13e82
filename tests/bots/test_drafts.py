from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.bots import drafts, journal
from server.bots import service as bots
from server.bots.drafts import DraftMoved
from server.bots.patches import patch_between
from server.core.errors import InvalidState
from server.core.ids import new_uuid
from server.models.tables import Bot, DraftEdit
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

WRITER = 'writer { "goal": "Write" }\n'


@dataclass
class Hands:
    """Somebody who writes into one draft, at the times that the test says."""

    home: Home
    bot: Bot
    now: datetime = field(default_factory=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    async def write(self, text: str, after: float = 60, *, stepping: bool = False) -> Bot:
        self.now += timedelta(seconds=after)
        self.bot = await drafts.save(
            self.home.owner,
            self.bot.id,
            text,
            self.bot.draft_version,
            stepping=stepping,
            burst="a page",
            clock=self.clock,
        )
        return self.bot

    async def undo(self) -> str:
        self.bot = await drafts.undo(
            self.home.owner, self.bot.id, self.bot.draft_version, self.clock
        )
        return self.bot.source

    async def redo(self) -> str:
        self.bot = await drafts.redo(
            self.home.owner, self.bot.id, self.bot.draft_version, self.clock
        )
        return self.bot.source

    async def edits(self) -> int:
        return await DraftEdit.filter(bot_id=self.bot.id).count()

    async def possible(self) -> tuple[bool, bool]:
        """Undo, and redo."""
        place = (self.bot.id, self.bot.draft_edit)
        return (await journal.steps_possible([place]))[place]

    @property
    def clock(self) -> At:
        return At(self.now)


@dataclass
class At:
    moment: datetime

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
async def home(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    async with open_home(
        tmp_path, gateway=ScriptedGateway(), database_url=database_url, worker=False
    ) as home:
        yield home


@pytest.fixture
async def hands(home: Home) -> Hands:
    return Hands(home, await home.bot(WRITER))


@given(st.text(), st.text())
def test_a_patch_goes_both_ways(before: str, after: str) -> None:
    patch = patch_between(before, after)
    assert patch.redone(before) == after
    assert patch.undone(after) == before


async def test_undo_walks_back_and_redo_forth(hands: Hands) -> None:
    await hands.write(WRITER + "# one\n")
    await hands.write(WRITER + "# one\n# two\n")
    assert await hands.undo() == WRITER + "# one\n"
    assert await hands.undo() == WRITER
    with pytest.raises(InvalidState, match="nothing to undo"):
        await hands.undo()
    assert await hands.redo() == WRITER + "# one\n"
    await hands.write(WRITER + "# other\n")
    with pytest.raises(InvalidState, match="nothing to redo"):
        await hands.redo()
    assert await hands.undo() == WRITER + "# one\n"


async def test_a_burst_of_typing_is_one_step(hands: Hands) -> None:
    for end in ("w", "wo", "wor", "word"):
        await hands.write(WRITER + end, after=1)
    assert await hands.edits() == 1
    await hands.write(WRITER + "word more", after=30)
    assert await hands.edits() == 2
    assert await hands.undo() == WRITER + "word"
    assert await hands.undo() == WRITER


async def test_what_is_typed_and_taken_back_in_a_burst_leaves_no_step(hands: Hands) -> None:
    await hands.write(WRITER + "x", after=1)
    await hands.write(WRITER, after=1)
    assert await hands.edits() == 0
    assert await hands.possible() == (False, False)


async def test_the_undo_of_the_editor_moves_in_the_journal(hands: Hands) -> None:
    await hands.write(WRITER + "# one\n")
    await hands.write(WRITER, stepping=True)
    assert await hands.edits() == 1
    assert await hands.possible() == (False, True)
    await hands.write(WRITER + "# one\n", stepping=True)
    assert await hands.possible() == (True, False)


async def test_two_people_are_two_steps(hands: Hands) -> None:
    await hands.write(WRITER + "a", after=1)
    other = replace(hands.home.owner, user_id=new_uuid())
    clock = At(hands.now + timedelta(seconds=1))
    await drafts.save(other, hands.bot.id, WRITER + "ab", hands.bot.draft_version, clock=clock)
    assert await hands.edits() == 2


async def test_two_pages_of_one_person_are_two_steps(hands: Hands) -> None:
    await hands.write(WRITER + "a", after=1)
    clock = At(hands.now + timedelta(seconds=1))
    for burst in ("another page", "", ""):
        hands.bot = await drafts.save(
            hands.home.owner,
            hands.bot.id,
            hands.bot.source + "b",
            hands.bot.draft_version,
            burst=burst,
            clock=clock,
        )
    assert await hands.edits() == 4


async def test_restoring_never_loses_what_was_there(hands: Hands) -> None:
    from server.bots.versions import freeze

    first = await freeze(hands.bot)
    await hands.write(WRITER + "# newer\n")
    hands.bot = await drafts.restore(hands.home.owner, hands.bot.id, first.id)
    assert hands.bot.source == WRITER
    assert await hands.undo() == WRITER + "# newer\n"


async def test_the_second_of_two_hears_who_was_first(hands: Hands) -> None:
    await drafts.save(hands.home.owner, hands.bot.id, WRITER + "# a", 1)
    for late in (
        drafts.save(hands.home.owner, hands.bot.id, WRITER + "# b", 1),
        drafts.undo(hands.home.owner, hands.bot.id, 1),
    ):
        with pytest.raises(DraftMoved) as moved:
            await late
        assert (moved.value.current_version, moved.value.changed_by) == (2, "Owner")
        assert moved.value.changed_at is not None


async def test_the_same_text_again_is_no_change(hands: Hands) -> None:
    before = hands.bot.draft_version
    assert (await hands.write(WRITER)).draft_version == before
    assert await hands.edits() == 0


async def test_the_journal_is_bounded(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_ENTRIES", 5)
    for number in range(9):
        await hands.write(f"{WRITER}# {number}\n")
    assert await hands.edits() == 5
    for number in (7, 6, 5, 4, 3):
        assert await hands.undo() == f"{WRITER}# {number}\n"
    with pytest.raises(InvalidState):
        await hands.undo()
    monkeypatch.setattr(journal, "MOST_BYTES", 3_000)
    for letter in "abcd":
        await hands.write(WRITER + f"# {letter * 1000}\n")
    assert await hands.edits() == 1


async def test_every_letter_of_every_language_can_be_undone(hands: Hands) -> None:
    texts = [WRITER + "# 🦉 ünïcode\n", WRITER + "# 🦊 ünïcode\x00\n", "", WRITER]
    for text in texts:
        await hands.write(text)
    seen = [await hands.undo() for _ in texts]
    assert seen == ["", WRITER + "# 🦊 ünïcode\ufffd\n", texts[0], WRITER]


async def test_the_journal_says_who_and_how_much(hands: Hands) -> None:
    await hands.write(WRITER + "# one\n# two\n")
    await hands.write(WRITER + "# one\n")
    await hands.undo()
    rows = (await drafts.list_edits(hands.home.owner, hands.bot.id)).rows
    assert [(row.lines_added, row.lines_removed) for row in rows] == [(0, 1), (2, 0)]
    assert {row.author_id for row in rows} == {hands.home.owner.user_id}
    assert (await bots.get(hands.home.owner, hands.bot.id)).draft_edit == rows[1].number
