"""Every change leaves an entry in the audit log: each mutation of the schema is done once, in a
workspace of its own, with the sample request that is made from the schema."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from frontend.pages.audit import KINDS
from server.api.executor import Executor
from server.api.schema import schema
from server.bots import exporting, uploads
from server.core.ids import public_id as public
from server.core.ids import read_id
from server.models import tables
from server.models.enums import ExecutionStatus, Role
from server.workspaces import audit, places
from server.workspaces.audit import Change, Subject
from tests.api.samples import EVERYTHING, Place, codes_of, furnish
from tests.support.rooms import Home, open_home

# What needs no entry, and where it is written down instead.
NO_ENTRY = {
    "startExecution": "the execution says who started it, when and how",
    "sendChatMessage": "the execution says who sent it, when and how",
    "rerunExecution": "the execution says who started it, when and how",
    "controlExecution": "an event of the execution says who, when and why",
    "setExecutionPriority": "an event of the execution says who",
    "modifyExecution": "an event of the execution says who and when",
    "saveBotDraft": "the journal of the draft says who and when",
    "undoBotDraft": "the journal of the draft",
    "redoBotDraft": "the journal of the draft",
    "readNotifications": "a mark of one's own",
    "dismissNotifications": "a mark of one's own",
    "addBookmark": "a mark of one's own",
    "removeBookmark": "a mark of one's own",
    "emitEvent": "the event itself is kept, with who told it",
    "resetCircuit": "a provider is asked again a minute earlier; nothing is stored",
}

SetUp = Callable[[Place, dict[str, Any]], Awaitable[None]]


async def ended(place: Place, values: dict[str, Any]) -> None:
    rows = tables.Execution.filter(id=place.rows["execution"])
    await rows.update(status=ExecutionStatus.COMPLETED)


async def running(place: Place, values: dict[str, Any]) -> None:
    rows = tables.Execution.filter(id=place.rows["execution"])
    await rows.update(status=ExecutionStatus.WAITING)
    await tables.Approval.filter(id=place.rows["approval"]).update(kind="tool")


async def with_words(place: Place, values: dict[str, Any]) -> None:
    values["input"]["note"] = "Why"


async def archived(place: Place, values: dict[str, Any]) -> None:
    values["input"]["action"] = "ARCHIVE"


async def published(place: Place, values: dict[str, Any]) -> None:
    version = place.rows["version"]
    await tables.Bot.filter(id=place.rows["bot"]).update(
        published_version_id=version, state="active"
    )


async def another_draft(place: Place, values: dict[str, Any]) -> None:
    await tables.Bot.filter(id=place.rows["bot"]).update(source='processor ("other") { "x" }')


async def for_somebody_else(place: Place, values: dict[str, Any]) -> None:
    other = await tables.User.create(email=f"two-{place.rows['user']}@example.org", name="Two")
    member = await tables.Member.create(
        workspace_id=place.rows["workspace"], user_id=other.id, role=Role.EDITOR
    )
    values["input"]["memberId"] = public("member", member.id)


async def with_another_owner(place: Place, values: dict[str, Any]) -> None:
    await for_somebody_else(place, {"input": {}})
    rows = tables.Member.filter(workspace_id=place.rows["workspace"])
    await rows.update(role=Role.OWNER)


async def elsewhere(place: Place, values: dict[str, Any]) -> None:
    made = await places.create(place.owner, "Elsewhere")
    values["input"]["workspaceId"] = public("workspace", made.workspace_id)


async def unresolved(place: Place, values: dict[str, Any]) -> None:
    await tables.Incident.filter(id=place.rows["incident"]).update(resolved_at=None)


async def unresolved_ones(place: Place, values: dict[str, Any]) -> None:
    await unresolved(place, values)
    row = await tables.Incident.get(id=place.rows["incident"])
    values["input"] |= {"name": row.name, "kind": row.kind}


async def unused(place: Place, values: dict[str, Any]) -> None:
    await tables.Connection.filter(id=place.rows["connection"]).update(
        kind="openai", version=1, settings={}, shown={}, sealed=None
    )
    values["input"]["force"] = True
    values["input"].setdefault("reason", "For a test")


async def by_force(place: Place, values: dict[str, Any]) -> None:
    values["input"] |= {"kind": "openai", "secrets": {"apiKey": "x" * 20}, "settings": {}}
    values["input"]["force"] = True


async def a_filled_in_form(place: Place, values: dict[str, Any]) -> None:
    given = {"kind": "openai", "secrets": {"apiKey": "sk-tried-and-kept-nowhere"}}
    values["input"] = {**given, "settings": {"baseUrl": "https://models.example.org/v1"}}


async def a_model(place: Place, values: dict[str, Any]) -> None:
    values["input"]["model"] = "openai:gpt-5"


async def answered(place: Place, values: dict[str, Any]) -> None:
    await ended(place, values)
    await tables.ModelCall.create(
        workspace_id=place.rows["workspace"],
        execution_id=place.rows["execution"],
        step_key="0",
        question="q",
        source="live",
        answer={"text": "x"},
        created_at=datetime.now(UTC),
    )


async def open_one(place: Place, values: dict[str, Any]) -> None:
    await running(place, values)
    values["input"] = {"executionIds": [public("execution", place.rows["execution"])]}


async def ended_one(place: Place, values: dict[str, Any]) -> None:
    await ended(place, values)
    values["input"] = {"executionIds": [public("execution", place.rows["execution"])]}


async def uploaded(place: Place, values: dict[str, Any]) -> None:
    bundle = await uploads.keep(place.owner, "bots.zip", await exporting.export(place.owner))
    await tables.Bot.filter(id=place.rows["bot"]).update(source='processor ("other") { "x" }')
    values["input"] |= {"bundleId": public("bundle", bundle.id), "onConflict": "OVERWRITE"}


async def no_force(place: Place, values: dict[str, Any]) -> None:
    await unused(place, values)
    values["input"] = {
        "connectionId": values["input"]["connectionId"],
        "name": "Renamed",
        "secrets": {"apiKey": "x" * 20},
        "force": True,
    }


SET_UPS: dict[str, SetUp] = {
    "unpublishBot": published,
    "annotateBotVersion": with_words,
    "changeBots": archived,
    "publishBot": another_draft,
    "decideApproval": running,
    "resolveIncident": unresolved,
    "resolveIncidents": unresolved_ones,
    "changeMemberRole": for_somebody_else,
    "removeMember": for_somebody_else,
    "transferWorkspace": for_somebody_else,
    "leaveWorkspace": with_another_owner,
    "switchWorkspace": elsewhere,
    "createConnection": by_force,
    "updateConnection": no_force,
    "deleteConnection": unused,
    "testConnection": a_filled_in_form,
    "setModelPrice": a_model,
    "keepRecording": answered,
    "cancelExecutions": open_one,
    "deleteExecutions": ended_one,
    "applyImport": uploaded,
}

MUTATIONS = [asked for asked in EVERYTHING if asked.root == "Mutation"]


@pytest_asyncio.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    async with open_home(tmp_path_factory.mktemp("data"), worker=False) as home:
        yield home


@pytest.mark.parametrize("asked", MUTATIONS, ids=[asked.name for asked in MUTATIONS])
async def test_every_change_leaves_an_entry(home: Home, asked: Any) -> None:  # S76
    if asked.name in NO_ENTRY:
        return
    place = await furnish(home, f"w-{asked.name}")
    values = asked.values(place.ids)
    if asked.name in SET_UPS:
        await SET_UPS[asked.name](place, values)
    viewer = replace(place.viewer(Role.OWNER, session_id=place.rows["session"]), address="10.1.1.1")
    before = await tables.AuditEntry.all().values_list("id", flat=True)
    answer = await Executor(schema, home.rooms).execute(asked.document(values), values, viewer)
    assert codes_of(answer) == [], f"give {asked.name} a set-up in which it works: {answer}"
    made = await tables.AuditEntry.exclude(id__in=list(before))
    assert made, f"{asked.name} writes no entry; write one, or say in NO_ENTRY why it needs none"
    entry = made[0]
    assert (entry.actor, entry.via, entry.address) == (f"w-{asked.name}", "session", "10.1.1.1")
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", entry.action)
    assert entry.subject_kind in KINDS, "the page of the log offers it as a filter"
    assert "sk-tried" not in repr((entry.before, entry.after))
    assert entry.subject


def test_what_needs_no_entry_is_still_there() -> None:
    assert NO_ENTRY.keys() <= {asked.name for asked in MUTATIONS}


def test_there_is_no_way_to_change_or_delete_an_entry() -> None:  # S76
    root = Path(__file__).parents[2]
    changing = re.compile(r"AuditEntry[^\n]*\.(update|delete|save|bulk_update)\b|audit_entries")
    for room in ("server", "workers"):
        for path in (root / room).rglob("*.py"):
            if "migrations" in path.parts or path.name == "audit_entry.py":
                continue
            assert not changing.search(path.read_text(encoding="utf-8")), path
    names = [asked.name for asked in MUTATIONS]
    assert not [name for name in names if "audit" in name.lower()]


async def test_an_export_reads_batch_by_batch(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    place = await furnish(home, "many")
    monkeypatch.setattr(audit, "BATCH", 3)
    for number in range(8):
        await audit.record(place.owner, "bot.tested", Subject("bot", None, str(number)), Change())
    where = audit.AuditFilter(action=audit.Words(eq="bot.tested"))
    batches = [batch async for batch in audit.every_entry(place.rows["workspace"], where)]
    assert [row.subject for batch in batches for row in batch] == [str(n) for n in range(8)]
    assert [len(batch) for batch in batches] == [3, 3, 2]


async def test_a_secret_in_the_wrong_place_is_masked(home: Home) -> None:
    place = await furnish(home, "masked")
    after = {"password": "hunter2hunter2", "note": "key sk-canary-0123456789abcdef"}
    entry = await audit.record(
        place.owner, "bot.tested", Subject("bot", None, "x"), Change(after=after)
    )
    found = await tables.AuditEntry.get(id=entry.id)
    assert found.after == {"password": "[hidden]", "note": "key [hidden]"}
    assert read_id("audit", public("audit", entry.id)) == entry.id
