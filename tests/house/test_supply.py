"""What we install is what we looked at (S75): pinned by hash, and nothing that runs by itself
whenever Python starts."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

import pytest

from tests.house.bill import bill, entries
from tests.house.files import ROOT

LOCKS = ["requirements.lock", "requirements-dev.lock"]
# Python runs what stands in these at each start: ours names our folder, the other measures tests.
KNOWN_PTH = {"_editable_impl_baleybots.pth", "a1_coverage.pth"}


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_to_a_version_and_its_bytes(lock: str) -> None:  # S75
    found = entries(ROOT / lock)
    assert len(found) > 30
    for entry in found:
        assert re.match(r"[A-Za-z0-9_.\[\]-]+==[^\s;]+", entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
        assert "://" not in entry, "from a registry, never from an address"


def test_the_lock_of_users_is_part_of_the_lock_of_developers() -> None:  # S75
    ours, theirs = ({one.split()[0] for one in entries(ROOT / lock)} for lock in LOCKS)
    assert ours <= theirs


def test_nothing_unknown_runs_at_the_start_of_python() -> None:  # S75
    folder = Path(sysconfig.get_path("purelib"))
    found = {path.name for path in folder.glob("*.pth")}
    assert found <= KNOWN_PTH, "a package has brought a file that runs by itself: look at it first"
    assert not list(folder.glob("sitecustomize*"))
    assert not list(folder.glob("usercustomize*"))
    for name in found - {"a1_coverage.pth"}:
        assert not re.search(r"^import", (folder / name).read_text(), re.MULTILINE)


def test_the_bill_of_materials_names_all_of_it() -> None:  # S75
    parts = bill()["components"]
    assert len(parts) == len(entries(ROOT / LOCKS[0]))
    assert {"graphql-core", "starlette", "cryptography"} <= {part["name"] for part in parts}
    for part in parts:
        assert part["purl"] == f"pkg:pypi/{part['name'].lower()}@{part['version']}"
        assert part["hashes"]


def test_a_release_of_the_last_week_is_not_locked() -> None:  # S75
    """A poisoned release is mostly found within days."""
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^COOL \?= 7 days$", makefile, re.MULTILINE)
    resolving = re.findall(r"^\tuv pip compile .*", makefile, re.MULTILINE)
    assert len(resolving) == len(LOCKS)
    for line in resolving:
        assert '--exclude-newer "$(COOL)"' in line, line


@pytest.mark.parametrize("place", [".ci/setup", "Dockerfile"])
def test_what_is_not_in_the_lock_is_not_installed(place: str) -> None:  # S75
    """The lock with its hashes, and then ourselves without dependencies."""
    lines = re.findall(r"\bpip3? install [^\n]*", (ROOT / place).read_text())
    for line in lines:
        if "(or install uv" in line or "pip install uv)" in line:
            continue
        assert "--require-hashes" in line or "--no-deps" in line, line
    assert any("--require-hashes" in line for line in lines)
