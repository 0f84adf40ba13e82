"""Structured logs, for people or for machines, that never show a secret.

One chain of processors serves our own lines and those of the libraries. Secrets are taken out by
the name of the field, by the look of the value, and by the values that were made known.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any, TextIO, cast
from urllib.parse import quote

import orjson
import structlog
from structlog.types import Processor

from server.core.jsontext import dumps
from server.core.needles import Needles

MASK = "[hidden]"
_MAX_TEXT = 4_000
_MAX_DEPTH = 6
_SHORTEST = 6
_TELLING = 10

_SECRET_NAME = re.compile(
    r"(pass(word|wd|phrase)?|secret|api[_-]?key|access[_-]?key|private[_-]?key|token"
    r"|authorization|cookie|credential|signature|dsn)s?$",
    re.IGNORECASE,
)
_SECRET_LOOK = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|tvly|ghp|gho|glpat|xox[abprs]|whsec|bbt)[-_][A-Za-z0-9_\-+/=]{12,}"
    r"|\bbb_[A-Za-z0-9]{32}\b"
    r"|(?<=[?&]token=)[A-Za-z0-9]{20,}"
    r"|\bAIza[A-Za-z0-9_-]{30,}"
    r"|\bA(?:KIA|SIA)[A-Z0-9]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=Basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)",
    re.IGNORECASE,
)
# One of these stands in all that has the look; to search for them first is fifty times quicker.
_SECRET_MARKS = (
    *(f"{name}{dash}" for name in ("sk", "pk", "rk", "xai", "ghp", "gho") for dash in "-_"),
    *(
        "bb_",
        "token=",
        "tvly",
        "glpat",
        "xox",
        "whsec",
        "bbt",
        "aiza",
        "akia",
        "asia",
        "eyj",
        "bearer ",
        "basic ",
    ),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Redaction:
    """Takes secrets out of a log line, an error text, or any JSON value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known = Needles()
        self._telling = Needles()
        self.hide(*secrets)

    def hide(self, *secrets: str) -> None:
        """Make values known that must never be shown. Very short ones would blank normal words."""
        forms = {form for value in secrets if len(value) >= _SHORTEST for form in _forms(value)}
        self._known.add(forms)
        self._telling.add(filter(_is_telling, forms))

    def text(self, text: str) -> str:
        if len(text) < _SHORTEST:
            return text
        if _may_hold_secret(text):
            text = _SECRET_LOOK.sub(MASK, text)
        return self._known.without(text, MASK)

    def found(self, text: str) -> list[str]:
        """What `text` would take out."""
        looks = [match[0] for match in _SECRET_LOOK.finditer(text)]
        return looks + [text[start:end] for start, end in self._known.places(text)]

    def kept(self, text: str) -> str:
        """For what is stored, such as events. Only known values, and of these only such as are no
        ordinary words: somebody's own text is not spoilt because it looks like a key."""
        if len(text) < _TELLING or not self._telling.within(text):
            return text
        return self._telling.without(text, MASK)

    def kept_value(self, value: Any) -> Any:
        """As `kept`, through lists and objects."""
        if not self._telling:
            return value
        if isinstance(value, str):
            return self.kept(value)
        if isinstance(value, Mapping):
            items = cast("Mapping[Any, Any]", value).items()
            return {self.kept_value(key): self.kept_value(item) for key, item in items}
        if isinstance(value, list | tuple):
            return [self.kept_value(item) for item in cast("Sequence[Any]", value)]
        return value

    def whole(self, text: str) -> int:
        """How much of a text that is still being written can be shown: what follows may be the
        beginning of a known secret, of which the rest comes later."""
        secrets = self._telling
        end = max(0, len(text) - secrets.longest + 1) if secrets else len(text)
        while end < len(text) and not secrets.begin(text[end:]):
            end += 1
        places = secrets.places(text) if end < len(text) else []
        while cut := [start for start, stop in places if start < end < stop]:
            end = min(cut)  # none that is there is cut in two
        return end

    @property
    def knows_any(self) -> bool:
        return bool(self._telling)

    def value(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth >= _MAX_DEPTH:
            return self.text(repr(value))
        if isinstance(value, Mapping):
            items = cast("Mapping[object, Any]", value).items()
            return {str(key): self.field(str(key), item, depth + 1) for key, item in items}
        if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
            return [self.value(item, depth + 1) for item in cast("Iterable[Any]", value)]
        return self.text(str(value))

    def field(self, name: str, value: Any, depth: int = 0) -> Any:
        if value and not isinstance(value, bool | int | float) and _SECRET_NAME.search(name):
            return MASK
        return self.value(value, depth)

    def __call__(
        self, logger: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {
            name: value if name.startswith("_") else self.field(name, value)
            for name, value in event.items()
        }


def _may_hold_secret(text: str) -> bool:
    lowered = text.lower()
    if "://" in lowered and "@" in lowered:
        return True
    for mark in _SECRET_MARKS:
        if mark in lowered:
            return True
    return False


def _forms(secret: str) -> set[str]:
    """As it stands, as it stands inside JSON, and as it stands in an address."""
    return {secret, dumps(secret)[1:-1], quote(secret, safe="", errors="replace")}


def _is_telling(secret: str) -> bool:
    return len(secret) >= _TELLING and not secret.isalpha()


REDACTION = Redaction()


def hide(*secrets: str) -> None:
    """From now on these values never reach a log line of this process."""
    REDACTION.hide(*secrets)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    return structlog.stdlib.get_logger(name)


def setup_logs(
    level: str = "info",
    form: str = "auto",
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Once per process. Lines go to standard error: answers on standard output stay clean."""
    out = stream or sys.stderr
    REDACTION.hide(*secrets)
    people = form == "console" or (form == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        REDACTION,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _for_people if people else _for_machines,
        ],
    )
    _install(formatter, out, level)


def _install(formatter: logging.Formatter, stream: TextIO, level: str) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These would repeat each request, statement and poll at `debug`, some with bodies in them.
    for name in ("tortoise", "aiosqlite", "asyncio", "asyncpg", "httpx", "arq", "LiteLLM"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It tells of each lost connection with a traceback; that the database is away we say ourselves.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)


def _for_machines(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    line = orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return _CONTROL.sub(_escape, line)


def _for_people(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    moment = str(event.pop("timestamp", ""))[11:19]
    level = str(event.pop("level", "info"))
    trace = event.pop("exception", None)
    name = str(event.pop("logger", "")).removeprefix("server.")
    words = [moment, f"{level:<7}", name, printable(str(event.pop("event", "")))]
    words += [f"{key}={printable(str(value))}" for key, value in event.items()]
    line = " ".join(words)
    return f"{line}\n{_indented(str(trace))}" if trace else line


def _indented(trace: str) -> str:
    return "\n".join("    " + printable(line) for line in trace.splitlines())


def printable(text: str) -> str:
    """One line, no terminal control: a name cannot forge a log line or paint the screen."""
    text = text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
    return _CONTROL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    """Valid in JSON too."""
    return f"\\u{ord(found.group()):04x}"
