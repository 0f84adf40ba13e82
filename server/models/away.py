"""Telling a database that cannot be used for the moment from a mistake of ours.

The drivers are not imported: only one of them is loaded, and its errors come through Tortoise
wrapped in different ways."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from tortoise.exceptions import DBConnectionError

# Connection lost, no resources, shut down by the operator, system error, timed out or cancelled.
SQLSTATES = ("08", "53", "57", "58")
# Too many connections, no space, read only, shut down, lost, refused, timed out.
MYSQL_CODES = frozenset(
    {1021, 1040, 1041, 1053, 1077, 1114, 1129, 1203, 1205, 1290, 1317, 1836, 2002, 2003, 2006, 2013}
)
_ASYNCPG = ("InterfaceError", "InternalClientError", "ConnectionDoesNotExistError")
_SQLITE = ("locked", "busy", "full", "readonly", "disk", "unable to open", "closed")


def is_away(error: BaseException) -> bool:
    return any(_says_so(one) for one in _chain(error))


def is_deadlock(error: BaseException) -> bool:
    """Two transactions waited for each other, and the database gave this one up: try it again."""
    return any(_gave_way(one) for one in _chain(error))


def _gave_way(error: BaseException) -> bool:
    module = type(error).__module__
    if module.startswith("asyncpg"):
        return (getattr(error, "sqlstate", None) or "").startswith("40")
    return module.startswith("pymysql") and error.args[:1] == (1213,)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(8):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _says_so(error: BaseException) -> bool:
    if isinstance(error, DBConnectionError | ConnectionError | TimeoutError):
        return True
    if isinstance(error, sqlite3.OperationalError):
        return any(word in str(error) for word in _SQLITE)
    kind = type(error)
    if kind.__module__.startswith("asyncpg"):
        state = getattr(error, "sqlstate", None) or ""
        return state.startswith(SQLSTATES) or kind.__name__ in _ASYNCPG
    if kind.__module__.startswith("pymysql"):
        code = error.args[0] if error.args else 0
        return code in MYSQL_CODES or kind.__name__ == "InterfaceError"
    return False
