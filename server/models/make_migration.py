"""`python -m server.models.make_migration NAME` writes down what changed in the tables.

For people who work on Baleybots. A new column that is not nullable needs a `db_default`, since the
rows that are there must get a value; with MySQL a migration should do one thing, because its schema
changes cannot be taken back together.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from tortoise import Tortoise
from tortoise.migrations.autodetector import MigrationAutodetector

from server.models.address import Address
from server.models.connection import tortoise_config
from server.models.migrate import known_migrations


async def make_migration(name: str) -> Path | None:
    """None when the migrations already make the tables of the code. Connects to nothing."""
    config = tortoise_config(Address("sqlite", path=Path("unused.db")))
    context = await Tortoise.init(config=config, init_connections=False)
    try:
        assert Tortoise.apps is not None
        writers = await MigrationAutodetector(Tortoise.apps, config["apps"]).changes()
        for writer in writers:
            writer.name = f"{len(known_migrations()) + 1:04}_{name}"
            return writer.write()
        return None
    finally:
        await context.close_connections()


def main() -> int:
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        sys.stderr.write("Usage: python -m server.models.make_migration name_of_the_change\n")
        return 2
    made = asyncio.run(make_migration(name))
    sys.stdout.write(f"{made or 'Nothing changed.'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
