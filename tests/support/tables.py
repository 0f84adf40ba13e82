"""Each test opens a database of its own; what Tortoise then works out anew for every table comes
out the same for the same kind of database."""

from __future__ import annotations

from tortoise.apps import Apps
from tortoise.models import Model


def build_once() -> None:
    """Per table and kind of database. The latter is asked for at every opening: one process may
    open SQLite, PostgreSQL and MariaDB one after the other."""
    build = Apps._build_initial_querysets
    built: dict[type[Model], type] = {}

    def built_once(apps: Apps) -> None:
        kinds = {
            model: model._meta.db.executor_class for app in apps.values() for model in app.values()
        }
        if kinds.items() <= built.items():
            return
        build(apps)
        built.update(kinds)

    Apps._build_initial_querysets = built_once  # type: ignore[method-assign]
