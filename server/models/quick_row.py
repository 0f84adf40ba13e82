"""Rows of the tables that lists read by the dozen become objects in a quarter of the time.

Tortoise asks per value what to do with it, reads instants by a regular expression, and takes its
slow way altogether when a statement names its columns. Here what to do is worked out once per set
of columns. What this does not know goes through the column's own `to_python_value`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, Self
from uuid import UUID

from tortoise import fields
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance

Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """Key in the row, name in the object, how its value is read: as it is, or by a function.
    `as_named`: each key is the name, so that a row can be taken over as a whole."""

    kept: tuple[tuple[str, str], ...]
    read: tuple[tuple[str, str, Read], ...]
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    as_named: bool = False


class QuickRow:
    """Stands before `Model` among the bases of a table."""

    _columns: ClassVar[dict[tuple[type, tuple[str, ...]], Columns]] = {}

    @classmethod
    def _init_from_db(cls, **kwargs: Any) -> Any:
        columns = cls._known(tuple(kwargs))
        row = cls.__new__(cls)
        values: Any = row.__dict__
        values.update(columns.state, _await_when_save={})
        for key, name in columns.kept:
            values[name] = kwargs[key]
        for key, name, read in columns.read:
            value = kwargs[key]
            values[name] = None if value is None else read(value)
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
        return cls.made_of(await table._meta.db.execute_query_dict(statement))

    @classmethod
    def made_of(cls, found: list[dict[str, Any]]) -> list[Self]:
        """All from one statement, so that they have the same columns."""
        if not found:
            return []
        columns = cls._known(tuple(found[0]))
        if not columns.as_named:
            return [cls._init_from_db(**row) for row in found]
        made: list[Self] = []
        for row in found:
            one = cls.__new__(cls)
            values = one.__dict__
            values.update(columns.state, _await_when_save={}, **row)
            for key, name, read in columns.read:
                value = row[key]
                if value is not None:
                    values[name] = read(value)
            made.append(one)
        return made


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
    readers = [(key, known[key][0], _reader(known[key][1])) for key in keys if key in known]
    state = {
        "_partial": len(readers) < len(known),
        "_saved_in_db": True,
        "_custom_generated_pk": meta.db_pk_column not in meta.generated_db_fields,
    }
    return Columns(
        tuple((key, name) for key, name, read in readers if read is None),
        tuple((key, name, read) for key, name, read in readers if read is not None),
        state,
        all(key in known and known[key][0] == key for key in keys),
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


def _own_id(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


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
