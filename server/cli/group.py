"""The tree of commands, and how an expected error leaves the program: one sentence and no
traceback."""

from __future__ import annotations

import errno
import importlib
from typing import Any

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("up:up", "Start everything in one process: API, web app, worker."),
    "serve": ("up:serve", "Start the API and the web app alone."),
    "worker": ("up:worker", "Start a worker alone."),
    "migrate": ("admin:migrate", "Bring the database to this version."),
    "doctor": ("doctor:doctor", "Check settings, database, Redis, keys and clock."),
    "user": ("users:user", "Accounts and sign-in links."),
    "audit": ("audit:audit", "Who changed what, as a file."),
    "secrets": ("secrets:secrets", "Change the key that stored secrets are encrypted with."),
    "token": ("tokens:token", "API tokens for scripts."),
    "bal": ("bal:bal", "Check, format, draw and run programs; needs no server."),
    "run": ("run:run", "Run a bot or a program on a running server."),
    "chat": ("chat:chat", "Talk to a bot on a running server."),
    "executions": ("exporting:executions", "List, show, follow, steer, repeat and export them."),
    "recordings": ("recordings:recordings", "Keep answers of an execution and replay them."),
    "approvals": ("approvals:approvals", "List and decide what waits for a person."),
    "bots": ("bots:bots", "List, show, push, pull, export and import bots."),
    "connections": ("connections:connections", "List, add, test and remove connections."),
    "costs": ("costs:costs", "What bots and models cost, and where the budgets stand."),
    "export-schema": ("admin:export_schema", "Print the GraphQL schema (SDL)."),
}
# On any disk that a command writes to, wherever it is written.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Tree(click.Group):
    """Loads a command when it is called; the overview needs no import at all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        return getattr(importlib.import_module(f"server.cli.{module}"), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        from server.core.errors import AppError

        try:
            return super().invoke(ctx)
        except AppError as error:
            raise Failure(error) from None
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise click.ClickException(f"{error.strerror}. Make room and try again.") from None


class Failure(click.ClickException):
    """An expected error: the sentence, what to do next, exit code 1."""

    def __init__(self, error: Any) -> None:
        super().__init__(f"{error.message} {error.hint}" if error.hint else error.message)


def example(text: str) -> str:
    """The end of a command's help. `\\b` keeps click from joining the lines."""
    lines = "\n".join(f"  {line}" for line in text.strip().splitlines())
    return f"\b\nExample:\n{lines}"


@click.group(
    cls=Tree,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("baleybots up\nbaleybots bal check hello.bal\nbaleybots run hello --follow"),
)
@click.version_option(package_name="baleybots", prog_name="baleybots")
def cli() -> None:
    """Build, run, schedule and watch AI bots.

    Settings come from the environment (BALEYBOTS_…); nothing needs to be set to start.
    """
