"""Accounts, the audit log and the secret key from the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from tests.cli.test_local import run


def test_a_reset_link_is_printed(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path))
    run("token", "create", *data)
    made = json.loads(run("user", "reset-link", "--json", *data).stdout)
    assert "/reset?token=" in made["url"]
    assert made["minutes"] == 60
    unknown = run("user", "reset-link", "nobody@example.org", *data)
    assert unknown.exit_code == 1
    assert "There is no user" in unknown.stderr


def test_the_audit_log_is_exported(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path))
    run("token", "create", "--name", "ci", "--scope", "bots:read", "--days", "30", *data)
    lines = [json.loads(line) for line in run("audit", "export", *data).stdout.splitlines()]
    assert [line["action"] for line in lines] == ["token.created", "audit.exported"]
    assert lines[0]["via"] == "command line"
    assert lines[0]["after"]["scopes"] == ["bots:read"]
    file = tmp_path / "audit.csv"
    done = run(
        "audit", "export", "--format", "csv", "--action", "token", "--output", str(file), *data
    )
    assert done.stdout == ""
    (row,) = csv.DictReader(io.StringIO(file.read_text()))
    assert row["subject"] == "ci"
    full = run("audit", "export", "--output", "/dev/full", *data)
    assert full.exit_code == 1
    assert full.stderr == "Error: No space left on device. Make room and try again.\n"


def test_the_secret_key_is_changed(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path))
    run("token", "create", *data)
    done = run("secrets", "rotate", "--json", *data)
    assert json.loads(done.stdout) == {"sealed": 0, "unreadable": []}
    assert len((tmp_path / "secret.key").read_text().split()) == 2
    assert run("doctor", *data).exit_code == 0
