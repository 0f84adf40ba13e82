"""The few kinds of column that the tables share, the same in all three databases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.fields.base import Field

from server.core.ids import new_uuid
from server.models.large import read_value, value_text


class JsonField(Field[Any]):
    """JSON kept as text. The databases' own JSON types sort the keys of an object, and the order
    of fields is part of what a bot answers. Where a value is too large for its row, a `Large`
    stands for it.

    Tortoise reads the arguments of a model's constructor as it reads rows, so a bare text must not
    come in that way (assign it, or wrap it in an object); the store has no such limit."""

    SQL_TYPE = "TEXT"
    indexable = False

    class _db_mysql:
        SQL_TYPE = "LONGTEXT"

    def to_db_value(self, value: Any, instance: Any) -> str | None:
        return None if value is None else value_text(value)

    def to_python_value(self, value: Any) -> Any:
        return read_value(value) if isinstance(value, str) else value


class LongTextField(fields.TextField):
    """Text of any length. NUL cannot be stored by PostgreSQL, so it is shown as a mark instead."""

    def to_db_value(self, value: Any, instance: Any) -> Any:
        return value.replace("\x00", "\N{REPLACEMENT CHARACTER}") if value else value


class ShortTextField(fields.CharField):
    def to_db_value(self, value: Any, instance: Any) -> Any:
        clean = value.replace("\x00", "\N{REPLACEMENT CHARACTER}") if value else value
        return super().to_db_value(clean, instance)


def id_field() -> Field[UUID]:
    return fields.UUIDField(primary_key=True, default=new_uuid)
