"""One set-up for all faults of a file; a short form in `make test`, the whole in `make faults`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.faults.checks import Found
from tests.faults.rig import Rig, Servers, rig
from tests.faults.table import Line, markdown, write_into_docs
from tests.support import restartable

SEED = 20_260
_lines: list[Line] = []

Record = Callable[..., None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="every fault, with the whole numbers")
    parser.addoption("--fault-seeds", type=int, default=1, help="how many seeds each fault gets")
    parser.addoption("--write-table", action="store_true", help="write docs/reliability.md's table")


def _option(config: pytest.Config, name: str, default: Any) -> Any:
    """A run of all tests reads this file too late for its options to be there."""
    return config.getoption(name, default=default)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whole faults stay out of the short form, and each out of set-ups where it has no meaning."""
    here = Path(__file__).parent
    whole = _option(config, "--whole", False)
    mine = [item for item in items if here in item.path.parents]
    out = [item for item in mine if not _is_wanted(item, whole)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        seeds = range(SEED, SEED + _option(metafunc.config, "--fault-seeds", 1))
        metafunc.parametrize("seed", seeds, scope="module", ids=lambda seed: f"seed {seed}")
    if "kind" in metafunc.fixturenames:
        kinds = getattr(metafunc.module, "KINDS", ["postgres"])
        metafunc.parametrize("kind", kinds, scope="module")


def _is_wanted(item: pytest.Item, whole: bool) -> bool:
    fault = item.get_closest_marker("fault")
    kind = getattr(getattr(item, "callspec", None), "params", {}).get("kind")
    if fault is None or kind is None:
        return True
    possible = fault.kwargs.get("only", (kind,))
    return kind in (possible if whole else fault.kwargs["short"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def setup(
    kind: str, seed: int, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Rig]:
    folder = tmp_path_factory.mktemp(f"{kind}-")
    whole = _option(request.config, "--whole", False)
    with contextlib.ExitStack() as stack:
        servers, url = await _servers(kind, folder, stack)
        async with rig(kind, folder, seed, whole, servers, url) as made:
            yield made


@pytest_asyncio.fixture(loop_scope="session")
async def world(setup: Rig, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """The set-up, whole again before and after this fault."""
    await setup.heal()
    setup.begin()
    request.node.add_report_section("setup", "seed", f"seed {setup.seed}, {setup.kind}")
    yield setup
    await setup.heal()


@pytest.fixture
def record(request: pytest.FixtureRequest, world: Rig) -> Record:
    """Puts the figures of this fault into the table."""
    marker = request.node.get_closest_marker("fault")

    def put(found: Found, note: str = "") -> None:
        figures = (found.accepted, found.lost, found.repeated, found.recovery)
        line = Line(marker.args[0], marker.args[1], world.kind, *figures, note)
        request.node.user_properties.append(("fault", vars(line)))

    return put


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _lines.extend(Line(**given) for name, given in report.user_properties if name == "fault")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if _lines:
        terminalreporter.section("faults")
        terminalreporter.write_line(markdown(_lines))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _option(session.config, "--write-table", False) and _lines and not exitstatus:
        write_into_docs(_lines)


async def _servers(kind: str, folder: Path, stack: contextlib.ExitStack) -> tuple[Servers, str]:
    if kind == "embedded":
        return Servers(), f"sqlite://{folder / 'data' / 'baleybots.db'}"
    redis = stack.enter_context(restartable.redis())
    if kind == "mysql":
        database = stack.enter_context(restartable.mariadb())
        await _mysql_database(database.port)
        return Servers(database, redis), f"mysql://root@127.0.0.1:{database.port}/faults"
    database = stack.enter_context(restartable.postgres())
    await _postgres_database(database.port)
    return Servers(database, redis), f"postgres://postgres@127.0.0.1:{database.port}/faults"


async def _postgres_database(port: int) -> None:
    import asyncpg

    admin = await asyncpg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres")
    await admin.execute("CREATE DATABASE faults")
    await admin.close()


async def _mysql_database(port: int) -> None:
    import aiomysql

    admin = await aiomysql.connect(host="127.0.0.1", port=port, user="root")
    async with admin.cursor() as cursor:
        await cursor.execute("CREATE DATABASE faults CHARACTER SET utf8mb4")
    admin.close()
