"""Nothing tracked may tie the product to one machine or one package index."""

from __future__ import annotations

import re

import pytest

from tests.house.files import text, tracked

# Written in pieces so that this file does not find itself.
HOSTS = ["files.python" + "hosted", "py" + "pi.org", "registry.npm" + "js", "deb.deb" + "ian"]
PATHS = re.compile(r"(?<![\w.~])/(?:home/\w+|root|work|Users/\w+)/\w|file:" + r"///")
# Hostile addresses that the policy must refuse: the text is the test.
HOSTILE = {"tests/core/fixtures/net.tsv", "tests/core/test_net_client.py"}


@pytest.mark.parametrize("host", HOSTS)
def test_no_tracked_file_names_a_package_index(host: str) -> None:
    found = [str(path) for path in tracked() if host in (text(path) or "")]
    assert found == []


def test_no_tracked_file_holds_a_path_of_a_machine() -> None:
    found = [
        f"{path}: {match.group()}"
        for path in tracked()
        if "static" not in path.parts
        and str(path) not in HOSTILE
        and (match := PATHS.search(text(path) or ""))
    ]
    assert found == []


def test_no_product_file_reads_yaml() -> None:  # S55
    """Programs are BAL, everything else is JSON: there is nothing to read a bomb or a tag with."""
    reads = re.compile(r"^\s*(?:import|from) (?:ruamel|ya" + r"ml)\b", re.MULTILINE)
    found = [
        str(path)
        for path in tracked()
        if path.parts[0] in {"server", "workers", "frontend"} and reads.search(text(path) or "")
    ]
    assert found == []


def test_no_product_file_evaluates_text_as_code() -> None:  # S51, S52
    calls = re.compile(r"(?<![\w.])(?:ev" + r"al|ex" + r"ec)\(|\bpick" + r"le\b")
    found = [
        str(path)
        for path in tracked()
        if path.parts[0] in {"server", "workers", "frontend"}
        and path.suffix == ".py"
        and calls.search(text(path) or "")
    ]
    assert found == []
