"""docker-compose.yml and the Dockerfile, held against what the product really does.

No container engine is needed: the file is checked against the compose schema, and what each of
our services runs is run here, outside of a container.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.files import ROOT

DRAIN_SECONDS = 25


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_compose_file_fits_the_schema() -> None:
    checked = subprocess.run(
        [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema"]
        + ["vendor.compose-spec", ROOT / "docker-compose.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", ["server", "worker", "postgres", "redis", "mysql"])
def test_every_service_restarts_and_tells_its_health(name: str) -> None:
    service = compose()["services"][name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"


def test_mysql_starts_only_when_asked_for() -> None:
    with_profile = {n for n, s in compose()["services"].items() if s.get("profiles")}
    assert with_profile == {"mysql"}


@pytest.mark.parametrize("name", ["server", "worker"])
def test_a_container_is_given_the_time_to_drain(name: str) -> None:
    grace = compose()["services"][name]["stop_grace_period"]
    assert int(grace.rstrip("s")) > DRAIN_SECONDS


def test_every_setting_in_the_compose_file_exists() -> None:
    from server.core.settings import SETTINGS

    known = {setting.name for setting in SETTINGS}
    used = {
        name
        for service in compose()["services"].values()
        for name in service.get("environment", {})
        if name.startswith("BALEYBOTS_")
    }
    assert used - known == set()


def test_the_last_layer_is_not_root_and_has_no_build_tools() -> None:
    last = (ROOT / "Dockerfile").read_text().split("\nFROM ")[-1]
    assert "\nUSER 10001" in last
    assert "apt-get" not in last
    assert "pip install" not in last
