"""What this process wrote a moment ago is told without asking the table, as long as that is the
whole of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from server.core.errors import Unavailable
from server.core.ids import new_uuid
from server.core.logs import hide
from server.engine import latest
from server.engine.events import ExecutionCompleted, StepDelta
from server.engine.latest import Latest
from server.engine.store import Commit, Committed, EventRow, NewExecution
from server.models.enums import TriggerKind

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RUN = new_uuid()
NEW = NewExecution(RUN, new_uuid(), new_uuid(), new_uuid(), NOW)
SAID = StepDelta(text="Once").row(NOW, "one", 1)
END = ExecutionCompleted(output="Once upon a time").row(NOW)


class Table:
    """Numbers the events of one execution; somebody else may write there, too."""

    def __init__(self) -> None:
        self.last_seq = 0
        self.away = False

    async def commit(self, commit: Commit) -> Committed:
        if self.away:
            raise Unavailable("The database is away.")
        self.last_seq += len(commit.events)
        for event in commit.events:
            commit.texts.of(event.data)
        return Committed(self.last_seq)


def made(*, alone: bool = True) -> tuple[Latest, Table]:
    table = Table()
    return Latest(table, alone=alone), table  # type: ignore[arg-type]


def first(*events: EventRow, **changed: Any) -> Commit:
    return Commit(RUN, new=replace(NEW, **changed), events=events)


def told(store: Latest) -> list[tuple[int, str]] | None:
    found = store.known(RUN)
    return None if found is None else [(event["seq"], event["type"]) for event in found]


async def test_the_whole_log_is_known_from_its_start_to_its_end() -> None:
    store, _ = made()
    await store.commit(first(SAID))
    assert told(store) == [(1, "step.delta")]
    await store.commit(Commit(RUN, events=(SAID, END)))
    assert told(store) == [(1, "step.delta"), (2, "step.delta"), (3, "execution.completed")]
    assert store.known(new_uuid()) is None


async def test_where_others_are_at_work_only_an_ended_log_is_known() -> None:
    store, _ = made(alone=False)
    await store.commit(first(SAID))
    assert told(store) is None
    await store.commit(Commit(RUN, events=(END,)))
    assert told(store) == [(1, "step.delta"), (2, "execution.completed")]


async def test_a_log_that_somebody_else_wrote_to_has_to_be_read() -> None:
    store, table = made()
    await store.commit(first(SAID))
    table.last_seq += 1
    await store.commit(Commit(RUN, events=(END,)))
    assert told(store) is None


async def test_a_commit_without_an_answer_may_be_in_the_table_or_not() -> None:
    store, table = made()
    await store.commit(first(SAID))
    table.away = True
    with pytest.raises(Unavailable):
        await store.commit(Commit(RUN, events=(END,)))
    assert told(store) is None


@pytest.mark.parametrize(
    "commit",
    [
        first(StepDelta(text="long " * latest.BYTES_OF_A_LOG).row(NOW)),
        first(*[SAID] * 501),
        first(SAID, trigger_kind=TriggerKind.WEBHOOK),
        Commit(RUN, events=(SAID,)),
    ],
    ids=["large", "many events", "nobody follows it", "begun by somebody else"],
)
async def test_what_is_not_kept(commit: Commit) -> None:
    store, table = made()
    table.last_seq = 0 if commit.new else 4
    await store.commit(commit)
    assert told(store) is None


async def test_it_is_only_about_a_moment_and_few_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    store, table = made()
    await store.commit(first(SAID))
    for _ in range(latest.LOGS):
        table.last_seq = 0
        await store.commit(replace(first(SAID), execution_id=new_uuid()))
    assert told(store) is None
    table.last_seq = 0
    monkeypatch.setattr(latest, "SECONDS", -1.0)
    await store.commit(first(SAID))
    assert told(store) is None


async def test_what_is_deleted_is_forgotten() -> None:
    store, _ = made()
    await store.commit(first(SAID, END))
    assert told(store) is not None
    latest.forget([RUN])
    assert told(store) is None


async def test_where_a_secret_was_taken_out_the_table_is_asked() -> None:
    hide("latest-secret-77")
    store, _ = made()
    await store.commit(first(StepDelta(text="It is latest-secret-77.").row(NOW)))
    assert told(store) is None
