"""The command line: parse, call a room, print. Each command is a module that is imported only
when it is used, so that `bal check` does not pay for a server."""

from __future__ import annotations


def main() -> None:
    from server.cli.crash import guard
    from server.cli.group import cli

    guard()
    cli(prog_name="baleybots")
