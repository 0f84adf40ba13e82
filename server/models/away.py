"""Is the database away? Each driver says it in its own words, and Tortoise hides some of them."""

from __future__ import annotations

from collections.abc import Iterator
from socket import gaierror

from tortoise.exceptions import DBConnectionError

# PostgreSQL: connection lost, no resources, shut down by the operator, system error, timed out.
_POSTGRES = ("08", "53", "57", "58")
# MySQL: too many connections, no space, read only, shut down, lost, refused, timed out.
MYSQL = frozenset(
    {1021, 1040, 1041, 1053, 1077, 1114, 1129, 1203, 1290, 1317, 1836, 2002, 2003, 2006, 2013}
)


def is_away(error: BaseException) -> bool:
    """The drivers are not imported for this: a start over SQLite does without them."""
    return any(_says_so(one) for one in _chain(error))


def _says_so(error: BaseException) -> bool:
    if isinstance(error, DBConnectionError | ConnectionError | TimeoutError | gaierror):
        return True
    driver = type(error).__module__.partition(".")[0]
    if driver == "asyncpg":
        state = getattr(error, "sqlstate", None)
        return state.startswith(_POSTGRES) if state else type(error).__name__ == "InterfaceError"
    if driver == "pymysql":
        code = error.args[0] if error.args else 0
        return code in MYSQL or type(error).__name__ == "InterfaceError"
    return driver == "sqlite3" and type(error).__name__ == "OperationalError"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was made from, and what Tortoise carries inside it."""
    found: BaseException | None = error
    while found is not None:
        yield found
        inner = found.args[0] if found.args else None
        if isinstance(inner, BaseException):
            yield inner
        found = found.__cause__
