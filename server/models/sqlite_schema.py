"""Changing a SQLite table without losing its indexes.

SQLite changes a column by building the table anew. Tortoise does that with the columns alone:
every index and every unique constraint over several columns would silently be gone afterwards,
and with them the promise that an event number or an idempotency key is used once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_editor.sqlite import SqliteSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

from server.models.projection import Sketch, project


@dataclass(frozen=True, slots=True)
class TableIndex:
    name: str
    unique: bool
    columns: tuple[str | None, ...]
    made_apart: bool

    @property
    def kind(self) -> tuple[bool, tuple[str | None, ...]]:
        return self.unique, self.columns


class IndexKeepingEditor(SqliteSchemaEditor):
    async def _remake_table(
        self,
        model: Any,
        create_field: Any = None,
        delete_field: Any = None,
        alter_fields: Any = None,
    ) -> None:
        table = str(model._meta.db_table)
        before = [] if self.collect_sql else await self._indexes(table)
        await super()._remake_table(model, create_field, delete_field, alter_fields)
        if self.collect_sql:
            return
        renamed = {_column(old): _column(new) for old, new in alter_fields or []}
        gone = _column(delete_field) if delete_field else None
        present = {index.kind for index in await self._indexes(table)}
        for index in before:
            columns = tuple(renamed.get(column or "", column) for column in index.columns)
            if gone not in index.columns and (index.unique, columns) not in present:
                await self._make(table, index, columns)

    async def _indexes(self, table: str) -> list[TableIndex]:
        rows = await self.client.execute_query_dict(f'PRAGMA index_list("{table}")')
        return [
            TableIndex(
                row["name"],
                bool(row["unique"]),
                await self._columns(row["name"]),
                row["origin"] == "c",
            )
            for row in rows
            if row["origin"] != "pk"
        ]

    async def _columns(self, index: str) -> tuple[str | None, ...]:
        rows = await self.client.execute_query_dict(f'PRAGMA index_info("{index}")')
        return tuple(row["name"] for row in rows)

    async def _make(self, table: str, index: TableIndex, columns: tuple[str | None, ...]) -> None:
        names = [str(column) for column in columns]
        made = self._generate_index_name_for_table("uid", table, names)
        name = index.name if index.made_apart else made
        listed = ", ".join(f'"{each}"' for each in names)
        unique = "UNIQUE " if index.unique else ""
        await self._run_sql(f'CREATE {unique}INDEX "{name}" ON "{table}" ({listed})')


class IndexKeepingExecutor(MigrationExecutor):
    def _schema_editor(self, atomic: bool = True, collect_sql: bool = False) -> BaseSchemaEditor:
        if self.connection.capabilities.dialect == "sqlite":
            return IndexKeepingEditor(self.connection, atomic=atomic, collect_sql=collect_sql)
        return super()._schema_editor(atomic=atomic, collect_sql=collect_sql)

    async def _project_state(
        self, applied: set[MigrationKey], *, upto: MigrationKey | None = None
    ) -> State:
        plan = self._full_plan()
        before = plan if upto is None else plan[: plan.index(upto)]
        apps = self.loader.apps_config.items()
        connections = {label: str(config["default_connection"]) for label, config in apps}
        sketch = Sketch(models={}, apps=StateApps(default_connections=connections))
        nodes = self.loader.graph.nodes
        return await project(sketch, [(key, nodes[key]) for key in before if key in applied])


def _column(field: Any) -> str:
    return str(field.source_field or field.model_field_name)
