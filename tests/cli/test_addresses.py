"""Places of the web app that the server names are whole addresses in the terminal."""

from __future__ import annotations

import pytest

from server.cli.remote import with_addresses


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "Check the key under AI connections (/connections?connection=con_1) and run again.",
            "Check the key under AI connections "
            "(http://bots.test:8080/connections?connection=con_1) and run again.",
        ),
        ("It may be (or not) in /etc/hosts.", "It may be (or not) in /etc/hosts."),
    ],
)
def test_a_place_in_brackets(said: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALEYBOTS_URL", "http://bots.test:8080/")
    assert with_addresses(said) == shown
