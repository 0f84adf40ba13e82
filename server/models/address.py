"""Where the database is: the setting taken apart once, for Tortoise and for the stores alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from server.core.errors import SettingsError
from server.core.settings import PREFIX, Settings

DatabaseKind = Literal["sqlite", "postgres", "mysql"]

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 30
SQLITE_BUSY_MS = 5_000
_WAL_LIMIT = 64 * 1024 * 1024
# The store empties the log earlier, beside its commits. One part of the log's index holds as many.
_WAL_PAGES = 4_000
_KINDS: dict[str, DatabaseKind] = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_PORTS = {"postgres": 5432, "mysql": 3306}
# Two indexes intersected answer a page of a bot's executions by sorting all of them; the driver
# sends this with the mode.
_ONE_INDEX = "SESSION optimizer_switch='index_merge_intersection=off'"
_OPTIONS = {"postgres": {"sslmode", "host"}, "mysql": {"ssl", "unix_socket"}}
_SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class Address:
    kind: DatabaseKind
    path: Path | None = None
    sync: str = "full"
    host: str = "localhost"
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    options: dict[str, str] = field(default_factory=dict[str, str])
    # How long PostgreSQL works on one statement; 0 for as long as it takes.
    statement_seconds: int = STATEMENT_SECONDS

    @property
    def shown(self) -> str:
        """For messages: never the password."""
        return str(self.path) if self.path else f"{self.host}:{self.port}/{self.database}"

    def sqlite_pragmas(self, *, foreign_keys: bool = True) -> dict[str, Any]:
        """In this order: how a file gives space back is settled before anything is in it."""
        return {
            "auto_vacuum": "INCREMENTAL",
            "journal_mode": "WAL",
            "synchronous": self.sync.upper(),
            "busy_timeout": SQLITE_BUSY_MS,
            "foreign_keys": "ON" if foreign_keys else "OFF",
            "wal_autocheckpoint": _WAL_PAGES,
            "journal_size_limit": _WAL_LIMIT,
        }

    def postgres_arguments(self) -> dict[str, Any]:
        """For `asyncpg.connect` and `asyncpg.create_pool`."""
        return {
            "host": self.options.get("host") or self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password or None,
            "database": self.database,
            "timeout": CONNECT_SECONDS,
            "command_timeout": self.statement_seconds or None,
            "ssl": self.options.get("sslmode"),
            "server_settings": {
                "application_name": "baleybots",
                "statement_timeout": str(self.statement_seconds * 1000),
                "idle_in_transaction_session_timeout": str(2 * self.statement_seconds * 1000),
            },
        }

    def mysql_arguments(self) -> dict[str, Any]:
        """For `aiomysql.connect` and its pool. A server that asks for a local file gets none."""
        tls = {"ssl": _tls()} if self.options.get("ssl") in ("1", "true", "require") else {}
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "unix_socket": self.options.get("unix_socket"),
            "connect_timeout": CONNECT_SECONDS,
            "local_infile": False,
            "sql_mode": f"'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', {_ONE_INDEX}",
            "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            **tls,
        }


def _tls() -> Any:
    import ssl

    return ssl.create_default_context()


def read_address(settings: Settings) -> Address:
    if settings.sqlite_path is not None:
        return Address("sqlite", path=settings.sqlite_path, sync=settings.sqlite_sync)
    url = urlsplit(settings.database_url)
    kind = _KINDS[url.scheme]
    return Address(
        kind=kind,
        host=url.hostname or "localhost",
        port=url.port or _PORTS[kind],
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        database=unquote(url.path.strip("/")),
        options=_options(kind, url.query),
    )


def _options(kind: DatabaseKind, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query))
    name = PREFIX + "DATABASE_URL"
    if unknown := sorted(options.keys() - _OPTIONS[kind]):
        allowed = " and ".join(sorted(_OPTIONS[kind]))
        raise SettingsError(name, f"{unknown[0]!r} is not known here; {allowed} may be given.")
    if options.get("sslmode", "prefer") not in _SSL_MODES:
        raise SettingsError(name, f"sslmode is one of {', '.join(_SSL_MODES)}.")
    return options
