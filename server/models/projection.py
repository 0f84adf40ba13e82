"""What the tables are after the migrations that were applied, worked out in one go.

Tortoise builds all models anew after each operation, which with forty tables takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.schema_generator.state import State


class Sketch(State):
    """Takes operations down and builds no model until it is asked to."""

    def reload_model(self, app_label: str, model_name: str) -> None:
        pass

    def reload_models(self, model_tuples: Iterable[tuple[str, str]]) -> None:
        pass

    def built(self) -> State:
        state = State(models=self.models, apps=self.apps)
        state._reload(set(self.models))
        state.validate_relations_initialized()
        return state


async def project(sketch: Sketch, migrations: Iterable[tuple[MigrationKey, object]]) -> State:
    for key, migration in migrations:
        if not isinstance(migration, Migration):
            raise LookupError(f"The migration {key} is missing.")
        await migration.apply(sketch, dry_run=True, schema_editor=None)
    return sketch.built()
