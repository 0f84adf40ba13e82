"""Each test opens a database of its own; what Tortoise then works out anew for every table comes
out the same for the same kind of database."""

from __future__ import annotations

from tortoise.models import MetaInfo


def finalise_once() -> None:
    """Per table and kind of database. The latter is asked for at every opening: one process may
    open SQLite, PostgreSQL and MariaDB one after the other."""
    finalise = MetaInfo.finalise_model
    known: dict[MetaInfo, type] = {}

    def finalised(meta: MetaInfo) -> None:
        kind = meta.db.executor_class
        if known.get(meta) is not kind:
            finalise(meta)
            known[meta] = kind

    MetaInfo.finalise_model = finalised  # type: ignore[method-assign]
