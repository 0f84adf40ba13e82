"""One set-up for all faults of a file; a short form in `make test`, the whole in `make faults`: the
first seed with the whole numbers, the others with those of the short form."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.faults.checks import Found
from tests.faults.progress import Progress, Results
from tests.faults.rig import Rig, Servers, rig
from tests.faults.table import Line, markdown
from tests.faults.waiting import until
from tests.support import restartable

SEED = 20_260
ONE_SEED = ("mysql",)
_lines: list[Line] = []

Record = Callable[..., None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="every fault, with the whole numbers")
    parser.addoption("--fault-seeds", type=int, default=1, help="how many seeds each fault gets")
    parser.addoption("--fault-only", default="", help="faults, such as F03,F20; else all")
    parser.addoption("--fault-setups", default="", help="embedded, postgres, mysql; else all")
    parser.addoption("--fault-minutes", type=float, default=0.0, help="begin nothing after these")
    parser.addoption("--fault-results", default="", help="a file that keeps what has passed")


def _option(config: pytest.Config, name: str, default: Any) -> Any:
    """A run of all tests reads this file too late for its options to be there."""
    return config.getoption(name, default=default)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whole faults stay out of the short form, and each out of set-ups where it has no meaning."""
    here = Path(__file__).parent
    mine = [item for item in items if here in item.path.parents]
    passed = Results.of(config).passed
    out = [item for item in mine if not _is_wanted(item, config) or item.nodeid in passed]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]
    if _option(config, "--whole", False):
        items.sort(key=_seed_of)  # what is cut off by the time is another seed, not a fault
    Progress.of(config).all = len(mine) - len(out)


def _seed_of(item: pytest.Item) -> int:
    given = getattr(getattr(item, "callspec", None), "params", {})
    return given.get("seed", SEED)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        seeds = range(SEED, SEED + _option(metafunc.config, "--fault-seeds", 1))
        metafunc.parametrize("seed", seeds, scope="module", ids=lambda seed: f"seed {seed}")
    if "kind" in metafunc.fixturenames:
        kinds = getattr(metafunc.module, "KINDS", ["postgres"])
        metafunc.parametrize("kind", kinds, scope="module")


def _is_wanted(item: pytest.Item, config: pytest.Config) -> bool:
    fault = item.get_closest_marker("fault")
    given = getattr(getattr(item, "callspec", None), "params", {})
    kind = given.get("kind")
    if fault is None or kind is None:
        return not _option(config, "--whole", False)
    only, setups = (_listed(config, name) for name in ("--fault-only", "--fault-setups"))
    if (only and fault.args[0] not in only) or (setups and kind not in setups):
        return False
    if kind in ONE_SEED and given.get("seed", SEED) != SEED:
        return False
    possible = fault.kwargs.get("only", (kind,))
    return kind in (possible if _option(config, "--whole", False) else fault.kwargs["short"])


def _listed(config: pytest.Config, name: str) -> set[str]:
    return {one.strip() for one in _option(config, name, "").split(",") if one.strip()}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def setup(
    kind: str, seed: int, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Rig]:
    folder = tmp_path_factory.mktemp(f"{kind}-")
    whole = _option(request.config, "--whole", False) and seed == SEED
    with contextlib.ExitStack() as stack:
        servers, url = await _servers(kind, folder, stack)
        async with rig(kind, folder, seed, whole, servers, url) as made:
            yield made


@pytest_asyncio.fixture(loop_scope="session")
async def world(setup: Rig, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """The set-up, whole again before and after this fault."""
    await setup.heal()
    await until("everything is ready", setup.ready, 120)
    setup.begin()
    request.node.add_report_section("setup", "seed", f"seed {setup.seed}, {setup.kind}")
    yield setup
    await setup.heal()
    await setup.calm()


@pytest.fixture
def record(request: pytest.FixtureRequest, world: Rig) -> Record:
    """Puts the figures of this fault into the table."""
    marker = request.node.get_closest_marker("fault")

    def put(found: Found, note: str = "") -> None:
        figures = (found.accepted, found.lost, found.repeated, found.recovery)
        line = Line(marker.args[0], marker.args[1], world.kind, *figures, note)
        request.node.user_properties.append(("fault", vars(line)))

    return put


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    minutes = _option(item.config, "--fault-minutes", 0.0)
    if minutes and Progress.of(item.config).minutes > minutes:
        item.session.shouldstop = f"{minutes:.0f} minutes are over"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fault = item.get_closest_marker("fault")
    if fault is not None and (report.when == "call" or report.failed):
        lines = [Line(**given) for name, given in report.user_properties if name == "fault"]
        if report.passed:
            _lines.extend(lines)
            Results.of(item.config).keep(item.nodeid, lines)
        else:
            Results.of(item.config).forget(item.nodeid)
        Progress.of(item.config).show(fault.args[:2], item, report)
    return report


def pytest_report_teststatus(
    report: pytest.TestReport, config: pytest.Config
) -> tuple[str, str, str] | None:
    """The line of a fault says it all."""
    if _option(config, "--whole", False) and report.when == "call" and not report.skipped:
        return report.outcome, "", report.outcome.upper()
    return None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    lines = Results.of(config).lines or _lines
    if lines:
        terminalreporter.section("faults")
        terminalreporter.write_line(markdown(lines))


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
