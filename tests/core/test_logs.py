from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from server.core import logs
from server.core.logs import MASK, Redaction, get_logger, printable, setup_logs
from tests.support.logs import plain_logs


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    monkeypatch.setattr(logs, "REDACTION", Redaction())
    yield io.StringIO()
    root.handlers[:], root.level = before
    plain_logs()


def test_a_line_for_machines_is_one_json_object(stream: io.StringIO) -> None:
    setup_logs("info", "json", stream=stream)
    get_logger("server.engine").info("run started", execution="exe_1", tokens=5)
    logging.getLogger("some.library").warning("from %s", "outside")
    get_logger("server.engine").debug("not shown")
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (first["event"], first["execution"], first["tokens"]) == ("run started", "exe_1", 5)
    assert (first["level"], first["logger"]) == ("info", "server.engine")
    assert (second["event"], second["level"]) == ("from outside", "warning")


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_name_cannot_forge_a_line(stream: io.StringIO, form: str) -> None:  # S74
    setup_logs("info", form, stream=stream)
    get_logger("x").info("named", name="a\r\n2026 error all is lost \x1b[31m\u202e\x9b1m")
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert not {"\r", "\x1b", "\u202e", "\x9b"} & set(text)


SECRETS: list[Any] = [
    {"password": "hunter2-canary"},
    {"api_key": "canary"},
    {"headers": {"Authorization": "Bearer canary-1234567"}},
    {"event_text": "sent with Bearer canary-1234567"},
    {"url": "postgres://me:canary@host/db"},
    {"text": "key sk-canary0123456789abcdef in a sentence"},
    {"list": [{"x": {"client_secret": "canary"}}]},
    {"error": ValueError("token ghp_canary0123456789abcdef")},
    {"cookie": "session=canary"},
    {"known": "prefix my-own-canary-value suffix"},
]


@pytest.mark.parametrize("given", SECRETS)
@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_reaches_a_line(  # S69
    stream: io.StringIO, form: str, given: dict[str, Any]
) -> None:
    setup_logs("info", form, secrets=["my-own-canary-value"], stream=stream)
    get_logger("x").warning("something", **given)
    assert "canary" not in stream.getvalue()
    assert MASK in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_reaches_a_traceback(stream: io.StringIO, form: str) -> None:  # S69
    setup_logs("info", form, secrets=["my-own-canary-value"], stream=stream)
    try:
        raise RuntimeError("refused my-own-canary-value")
    except RuntimeError:
        get_logger("x").exception("failed")
        logging.getLogger("lib").exception("failed too")
    assert stream.getvalue().count("RuntimeError") >= 2
    assert "canary" not in stream.getvalue()


def test_the_pool_does_not_tell_of_each_try_while_the_database_is_away(stream: io.StringIO) -> None:
    setup_logs("info", "json", stream=stream)
    logging.getLogger("asyncpg.pool").warning("Failed to restore the pool", exc_info=OSError())
    assert stream.getvalue() == ""


def test_counts_of_tokens_are_no_secrets() -> None:
    kept = {"input_tokens": 5, "token": 7, "tokens": 0, "has_password": True}
    assert Redaction()(None, "info", dict(kept)) == kept


def test_a_secret_made_known_later_is_hidden_too() -> None:
    redaction = Redaction()
    redaction.hide("later-value", "tiny")
    assert redaction.text("a later-value, a tiny one") == f"a {MASK}, a tiny one"


def test_deep_or_odd_values_do_not_stop_a_line(stream: io.StringIO) -> None:
    setup_logs("info", "json", stream=stream)
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    get_logger("x").info("odd", deep=deep, obj=object(), raw=b"\xff", keys={1: {2}})
    assert json.loads(stream.getvalue())["keys"] == {"1": [2]}


def test_long_text_is_cut() -> None:
    assert len(printable("x" * 100_000)) < 5_000
