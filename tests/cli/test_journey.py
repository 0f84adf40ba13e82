"""The real command, as a stranger types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.journey

COMMAND = [sys.executable, "-c", "from server.cli import main; main()"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}


def baleybots(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        env=environment(**environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_from_nothing_to_a_result_and_back(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    program = tmp_path / "hello.bal"
    program.write_text('writer { "goal": "Sum up the text" }')
    words = [*COMMAND, "up", "--port", "0", "--data-dir", data]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().removeprefix("Ready: ").strip()
            link = server.stdout.readline().split()[-1]
            assert link.startswith(f"{url}/signin?token=")
            with httpx.Client() as browser:
                assert browser.get(link).headers["location"] == "/"
                assert browser.get(url).status_code == 200
            again = baleybots("user", "link", "--data-dir", data).stdout
            assert again.startswith(f"{url}/signin?token=")
            token = baleybots("token", "create", "--data-dir", data).stdout.strip()
            known = {"BALEYBOTS_URL": url, "BALEYBOTS_TOKEN": token}
            ran = baleybots("run", str(program), "--input", "Tea is a drink.", "--json", **known)
            assert ran.returncode == 0, ran.stderr
            assert "Tea" in json.loads(ran.stdout)["output"]
        finally:
            server.terminate()
    assert server.returncode == 0

    locked = baleybots("up", "--port", "0", "--data-dir", data, BALEYBOTS_SECRET_KEY="x" * 40)
    assert locked.returncode == 1
    assert locked.stderr.startswith("Error: ")
    assert locked.stderr.count("\n") == 1
    assert "key" in locked.stderr


def test_the_language_alone_starts_fast(tmp_path: Path) -> None:
    """What `bal check` may not load: everything that belongs to a server."""
    program = tmp_path / "a.bal"
    program.write_text('a { "goal": "A" "output": { "x": "string" } }')
    code = (
        "import sys; sys.argv = ['baleybots', 'bal', 'check', sys.argv[1]]\n"
        "from server.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'tortoise', 'strawberry', 'uvicorn', 'reactpy', 'litellm', 'httpx', 'redis'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    words = [sys.executable, "-c", code, str(program)]
    found = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_a_server_loads_nothing_at_its_start_that_it_does_not_use() -> None:
    code = (
        "import sys, server.app, server.cli.serving, frontend.mount\n"
        "unused = {'litellm', 'openai', 'httpx', 'pydantic'}\n"
        "unused |= {'jwt', 'requests', 'rich', 'watchfiles', 'cryptography.hazmat'}\n"
        "print(sorted(unused & set(sys.modules)))"
    )
    words = [sys.executable, "-c", code]
    found = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == "[]\n"
