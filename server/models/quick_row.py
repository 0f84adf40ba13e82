"""Rows of the tables that lists read by the dozen become objects in a quarter of the time.

Tortoise asks per value what to do with it, reads instants by a regular expression, and takes its
slow way altogether when a statement names its columns. Here what to do is worked out once per set
of columns, and of many rows each column is read at once. What this does not know goes through the
column's own `to_python_value`."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import repeat
from operator import attrgetter
from typing import Any, ClassVar, Self
from uuid import UUID, SafeUUID

from tortoise import fields
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance

Read = Callable[[Any], Any]
Values = Sequence[Any]
ReadAll = Callable[[Values], Values]


@dataclass(frozen=True, slots=True)
class Columns:
    """`one`: key in the row, name in the object, how its value is read. `all`: the same for many
    rows, by the place in the row. No function: it stays as it is."""

    one: tuple[tuple[str, str, Read | None], ...]
    all: tuple[tuple[int, ReadAll | None], ...]
    names: tuple[str, ...]
    state: dict[str, Any]


class QuickRow:
    """Stands before `Model` among the bases of a table."""

    _columns: ClassVar[dict[tuple[type, tuple[str, ...]], Columns]] = {}

    @classmethod
    def _init_from_db(cls, **kwargs: Any) -> Any:
        columns = cls._known(tuple(kwargs))
        row = cls.__new__(cls)
        values: Any = row.__dict__
        values.update(columns.state, _await_when_save={})
        for key, name, read in columns.one:
            value = kwargs[key]
            values[name] = value if read is None or value is None else read(value)
        return row

    @classmethod
    def _known(cls, keys: tuple[str, ...]) -> Columns:
        columns = cls._columns.get((cls, keys))
        if columns is None:
            columns = cls._columns[cls, keys] = _columns_of(cls, keys)
        return columns

    @classmethod
    async def read(cls, statement: str) -> list[Self]:
        """Of a fixed statement with nothing but ids of ours in it, see `literals`: Tortoise takes
        longer to put a statement together than a database to answer it."""
        table: Any = cls
        _, found = await table._meta.db.execute_query(statement)
        return cls.made_of(*keys_and_values(found))

    @classmethod
    def made_of(cls, keys: tuple[str, ...], found: Sequence[Values]) -> list[Self]:
        """Rows of one statement, each as its values in the order of the keys."""
        if not found:
            return []
        columns = cls._known(keys)
        names = [*columns.state, "_await_when_save", *columns.names]
        values: list[Iterable[Any]] = [repeat(value) for value in columns.state.values()]
        values.append({} for _ in found)
        values += _read_whole(columns, found)
        made: list[Self] = []
        for row in zip(*values):  # noqa: B905 (the state has no end)
            one = cls.__new__(cls)
            one.__dict__.update(zip(names, row, strict=True))
            made.append(one)
        return made

    @classmethod
    async def glance(cls, statement: str) -> list[Self]:
        """As `read`, for rows that are looked at and never saved: they have the columns that were
        read and the properties of the table, nothing else, and are made in a fifth of the time."""
        table: Any = cls
        _, rows = await table._meta.db.execute_query(statement)
        if not rows:
            return []
        keys, found = keys_and_values(rows)
        columns = cls._known(keys)
        seen: Any = _glanced(cls, columns.names)
        return list(map(seen._make, zip(*_read_whole(columns, found), strict=True)))

    @classmethod
    async def glances(cls, rows: Any, names: Sequence[str]) -> list[Self]:
        """As `glance`, of what a query finds."""
        seen: Any = _glanced(cls, tuple(names))
        return list(map(seen._make, await rows.values_list(*names)))


def _read_whole(columns: Columns, found: Sequence[Values]) -> list[Values]:
    by_place = list(zip(*found, strict=True))
    return [by_place[at] if read is None else read(by_place[at]) for at, read in columns.all]


@cache
def _glanced(table: type, names: tuple[str, ...]) -> type:
    properties = {name: one for name, one in vars(table).items() if type(one) is property}
    base: Any = namedtuple("Glance", names)
    return type(f"{table.__name__}Glance", (base,), {"__slots__": (), **properties})


def keys_and_values(found: Sequence[Any]) -> tuple[tuple[str, ...], Sequence[Values]]:
    """Of what a driver gives: one gives a row as a dictionary, the others as its values."""
    if not found:
        return (), ()
    values = [tuple(row.values()) for row in found] if isinstance(found[0], dict) else found
    return tuple(found[0].keys()), values


def literal(known: UUID) -> str:
    """Nothing else has this form, so nothing else can get into a statement with it."""
    return f"'{UUID(int=known.int)}'"


def literals(ids: Iterable[UUID]) -> str:
    return ", ".join(map(literal, ids))


def _columns_of(model: Any, keys: tuple[str, ...]) -> Columns:
    """The same for all three databases, since a process may use more than one of them."""
    meta = model._meta
    known = {
        column: (name, meta.fields_map[name]) for name, column in meta.fields_db_projection.items()
    }
    found = [(at, key, *known[key]) for at, key in enumerate(keys) if key in known]
    state = {
        "_partial": len(found) < len(known),
        "_saved_in_db": True,
        "_custom_generated_pk": meta.db_pk_column not in meta.generated_db_fields,
    }
    return Columns(
        tuple((key, name, _reader(column)) for _, key, name, column in found),
        tuple((at, _reader_of_all(column)) for at, _, _, column in found),
        tuple(name for _, _, name, _ in found),
        state,
    )


def _reader(column: Field[Any]) -> Read | None:
    if isinstance(column, fields.DatetimeField):
        return _instant(column.to_python_value)
    if isinstance(column, fields.UUIDField):
        return _own_id if column.pk else _other_id
    if isinstance(column, CharEnumFieldInstance):
        return _Members(column).__getitem__
    if isinstance(column, fields.BooleanField):
        return bool
    plain = type(column).to_python_value is Field.to_python_value
    return None if plain and column.field_type in (int, str) else column.to_python_value


def _reader_of_all(column: Field[Any]) -> ReadAll | None:
    read = _reader(column)
    if read is None:
        return None
    if isinstance(column, fields.DatetimeField):
        return _instants(read)
    return _each(read)


def _each(read: Read) -> ReadAll:
    def all_of(values: Values) -> Values:
        if None in values:
            return [None if value is None else read(value) for value in values]
        return list(map(read, values))

    return all_of


def _instants(read: Read) -> ReadAll:
    """Nearly always all of them are texts that end in +00:00."""
    one_by_one = _each(read)

    def all_of(values: Values) -> Values:
        try:
            found = list(map(datetime.fromisoformat, values))
        except (TypeError, ValueError):
            return one_by_one(values)
        return found if set(map(_zone, found)) == _UTC_ALONE else one_by_one(values)

    return all_of


_zone = attrgetter("tzinfo")
_UTC_ALONE = {UTC}


def _own_id(value: Any) -> UUID:
    """UUID's own way from a text takes as long as the rest of a row. What does not look like one
    of ours goes that way."""
    digits = value.replace("-", "") if type(value) is str else ""
    if len(digits) != _UUID_DIGITS:
        return value if isinstance(value, UUID) else UUID(value)
    made = object.__new__(UUID)
    _set_number(made, int(digits, 16))
    _set_safety(made, SafeUUID.unknown)
    return made


_UUID_DIGITS = 32
# What the class forbids to everybody, its own way does by another door.
_set_number = UUID.__dict__["int"].__set__
_set_safety = UUID.__dict__["is_safe"].__set__

# The rows of a list name the same few others again and again.
_other_id: Read = lru_cache(maxsize=1024)(_own_id)


def _instant(otherwise: Read) -> Read:
    def read(value: Any) -> Any:
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return otherwise(value)
        if moment.tzinfo is None:
            return otherwise(value)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)

    return read


class _Members(dict[Any, Any]):
    def __init__(self, column: CharEnumFieldInstance) -> None:
        super().__init__({one.value: one for one in column.enum_type})
        self._column = column

    def __missing__(self, value: Any) -> Any:
        """Raises for what is no member, and remembers nothing of it."""
        return self._column.to_python_value(value)
