"""Another secret key, while everything runs and whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.cli.local import open_data
from server.connections.sealing import seal, unseal
from server.core.crypto import SecretBox, SecretKey, SecretUnreadable
from server.core.errors import KeyFileError
from server.core.ids import new_uuid
from server.core.keyring import KEY_FILE, KeyWatch, load_keys
from server.core.settings import Settings, load_settings
from server.models import tables
from server.models.enums import ConnectionStatus
from server.models.fields import JsonField
from server.models.key_check import check_key, read_mark
from server.models.tables import AuditEntry, Connection, Workspace
from server.workspaces import rotation
from server.workspaces.accounts import first_start
from tests.support.rooms import open_home
from tests.support.scripted_gateway import ScriptedGateway

NEW = "n" * 40


def box_of(settings: Settings) -> SecretBox:
    return SecretBox(*load_keys(settings))


async def keep(settings: Settings, count: int) -> None:
    """So many connections, each with a secret of its own."""
    place = await Workspace.all().first()
    assert place is not None
    box, rows = box_of(settings), []
    for number in range(count):
        row = Connection(
            id=new_uuid(),
            workspace_id=place.id,
            kind="openai",
            name=f"c{number}",
            name_key=f"c{number}",
            status=ConnectionStatus.CONNECTED,
        )
        row.sealed = seal(box, row, {"apiKey": f"key-{number:08}"})
        rows.append(row)
    await Connection.bulk_create(rows)


async def secrets(box: SecretBox) -> list[str]:
    rows = await Connection.filter(sealed__isnull=False).order_by("id")
    return [unseal(box, row)["apiKey"] for row in rows]


def expected(count: int) -> list[str]:
    return [f"key-{number:08}" for number in range(count)]


@asynccontextmanager
async def data(settings: Settings, count: int = 0) -> AsyncIterator[None]:
    async with open_data(settings):
        await first_start()
        await check_key(*load_keys(settings))
        if count:
            await keep(settings, count)
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({}, data_dir=tmp_path)


async def test_every_secret_is_sealed_under_a_new_key(settings: Settings) -> None:  # S70
    async with data(settings, 25):
        old = load_keys(settings)
        before = [row.sealed for row in await Connection.all().order_by("id")]
        done = await rotation.rotate(settings)
        assert (done.sealed, done.unreadable) == (25, [])
        new = load_keys(settings)
        assert new[0].check != old[0].check
        assert await secrets(SecretBox(new[0])) == expected(25)
        after = [row.sealed for row in await Connection.all().order_by("id")]
        assert not set(before) & set(after)
        with pytest.raises(SecretUnreadable):
            await secrets(SecretBox(*old))
        with pytest.raises(KeyFileError):
            await check_key(*old)
        assert (await AuditEntry.filter(action="secrets.rotated").count()) == 1
    assert (settings.data_dir / KEY_FILE).stat().st_mode & 0o077 == 0


async def test_a_second_change_drops_the_key_before_the_last(settings: Settings) -> None:
    async with data(settings, 3):
        first = load_keys(settings)[0].check
        await rotation.rotate(settings)
        await rotation.rotate(settings)
        assert first not in [key.check for key in load_keys(settings)]
        assert await secrets(box_of(settings)) == expected(3)


async def test_what_a_running_process_seals_late_is_not_lost(settings: Settings) -> None:
    async with data(settings, 3):
        stale = SecretBox(*load_keys(settings))  # knows nothing of the change
        await rotation.rotate(settings)
        row = await Connection.get(name="c0")
        row.sealed = seal(stale, row, {"apiKey": "late"})
        await row.save(update_fields=["sealed"])
        assert unseal(box_of(settings), row) == {"apiKey": "late"}
        await rotation.rotate(settings)
        await row.refresh_from_db()
        assert unseal(SecretBox(load_keys(settings)[0]), row) == {"apiKey": "late"}


async def test_a_running_process_takes_the_new_key_up(settings: Settings) -> None:
    async with data(settings, 2):
        running = SecretBox(*load_keys(settings), fresh=KeyWatch(settings).fresh)
        assert await secrets(running) == expected(2)
        await rotation.rotate(settings)
        assert await secrets(running) == expected(2)
        assert box_of(settings).is_current(running.seal(b"x", bound="y"))


async def test_a_running_server_goes_on_with_its_connections(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False) as home:
        settings = home.rooms.settings
        await keep(settings, 2)
        await rotation.rotate(settings)
        assert await secrets(home.rooms.connections.box) == expected(2)


async def test_what_cannot_be_read_is_named_and_the_rest_goes_on(settings: Settings) -> None:
    async with data(settings, 3):
        row = await Connection.get(name="c1")
        row.sealed = seal(SecretBox(SecretKey.from_text("lost" * 10)), row, {"apiKey": "x"})
        await row.save(update_fields=["sealed"])
        done = await rotation.rotate(settings)
        assert done.sealed == 2
        assert done.unreadable == [f"connection {row.id}"]


async def test_a_key_from_a_setting_is_changed_with_the_old_one_beside_it(tmp_path: Path) -> None:
    old = load_settings({}, data_dir=tmp_path, secret_key="o" * 40)
    async with data(old, 4):
        with pytest.raises(rotation.NoNewKey):
            await rotation.rotate(old)
        both = load_settings({}, data_dir=tmp_path, secret_key=NEW, old_secret_keys="o" * 40)
        await check_key(*load_keys(both))
        assert await secrets(box_of(both)) == expected(4)
        assert (await rotation.rotate(both)).sealed == 4
        new = load_settings({}, data_dir=tmp_path, secret_key=NEW)
        await check_key(*load_keys(new))
        assert await secrets(box_of(new)) == expected(4)
    assert "o" * 40 not in repr(both)
    assert "o" * 40 in both.secret_values()


async def test_a_process_without_the_older_key_does_not_start_in_between(tmp_path: Path) -> None:
    old = load_settings({}, data_dir=tmp_path, secret_key="o" * 40)
    both = load_settings({}, data_dir=tmp_path, secret_key=NEW, old_secret_keys="o" * 40)
    new = load_settings({}, data_dir=tmp_path, secret_key=NEW)

    def stop(stage: str) -> None:
        if stage == "begun":
            raise InterruptedError

    async with data(old, 1):
        with pytest.raises(InterruptedError):
            await rotation.rotate(both, stop)
        await check_key(*load_keys(both))
        with pytest.raises(KeyFileError, match="has not ended"):
            await check_key(*load_keys(new))
        await rotation.rotate(both)
        await check_key(*load_keys(new))


def test_every_column_of_sealed_values_is_in_the_list() -> None:
    listed = {(place.table, place.column) for place in rotation.SEALED}
    found: set[tuple[Any, str]] = set()
    for table in tables.TABLES:
        for name, column in table._meta.fields_map.items():
            if re.search(r"sealed|encrypted", name) and isinstance(column, JsonField):
                found.add((table, name))
    assert found == listed


# --- killed in the middle (F44) -------------------------------------------------------------


STAGES = ["key written", "begun", "connection 20", "connection 50", "done"]


async def killed(settings: Settings, stage: str, batch: int = 10) -> int:
    command = [sys.executable, "-m", "tests.workspaces.rotating", str(settings.data_dir)]
    work = [settings.database_url, stage, str(batch)]
    process = await asyncio.create_subprocess_exec(
        *command, *work, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), output.decode()
    return process.returncode or 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "stage", ["key written", "begun", "connection 20", "connection 50", "done"]
)
async def test_killed_at_any_stage_it_goes_on(  # S70, F44
    tmp_path: Path, database_url: str, stage: str
) -> None:
    settings = load_settings({}, data_dir=tmp_path, database_url=database_url)
    async with data(settings, 50):
        assert await killed(settings, stage) == -signal.SIGKILL
        await check_key(*load_keys(settings))
        assert await secrets(box_of(settings)) == expected(50)
        keys = [key.check for key in load_keys(settings)]
        if stage != "done":
            await rotation.rotate(settings)
            assert [key.check for key in load_keys(settings)] == keys  # the same change, ended
        assert not (await read_mark(load_keys(settings)[0])).older
        assert await secrets(SecretBox(load_keys(settings)[0])) == expected(50)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_ten_thousand_secrets_killed_again_and_again(tmp_path: Path) -> None:  # S70, F44
    settings = load_settings({}, data_dir=tmp_path)
    async with data(settings, 10_000):
        for stage in ("connection 3000", "connection 1000", "connection 4000"):
            assert await killed(settings, stage, 100) == -signal.SIGKILL
        assert await secrets(box_of(settings)) == expected(10_000)
        assert (await rotation.rotate(settings)).sealed == 2_000
        assert await secrets(SecretBox(load_keys(settings)[0])) == expected(10_000)
