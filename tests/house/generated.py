"""Pages that are made from the code: written by `python -m tests.house.generated`, compared by a
test. What a page says by hand stands here beside what is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.house.access_page import access_page
from tests.house.api_page import api_page
from tests.house.files import ROOT

SETTINGS_HEAD = """\
# Settings

Everything works without a setting. Each is an environment variable, read once at the start; a
wrong value stops the start and names the setting, a name that is no setting is warned of.
`baleybots doctor` shows what is in force.

| setting | what it does | default |
|---|---|---|
"""

PROVIDERS_HEAD = """
## Model providers

The providers' own usual names are read too, as a workspace's last resort. The offline demo model
answers as long as none of them is set.

| name | holds a secret |
|---|---|
"""

CLIENT = """
## For the command line

`baleybots run`, `chat`, `executions` and `bots` talk to a running server: `BALEYBOTS_URL` (default
`http://127.0.0.1:8000`) and `BALEYBOTS_TOKEN`, made with `baleybots token create`.
"""

COMMANDS_HEAD = """\
# Commands

What `--help` says, for reading in one place. Every command ends with 0 when all is well, 1 when it
is not, 2 when it was called wrongly.
"""


def settings_page() -> str:
    from server.core.settings import PROVIDER_NAMES, SETTINGS

    rows = [f"| `{s.name}` | {_cell(s.description)} | {_cell(s.default)} |" for s in SETTINGS]
    providers = [f"| `{name}` | {'yes' if s else 'no'} |" for name, s in PROVIDER_NAMES.items()]
    return (
        SETTINGS_HEAD + "\n".join(rows) + "\n" + PROVIDERS_HEAD + "\n".join(providers) + "\n"
    ) + CLIENT


def commands_page() -> str:
    from server.cli.group import cli

    parts = [COMMANDS_HEAD]
    for path, text in _helps(cli, "baleybots"):
        parts.append(f"\n## {path}\n\n```text\n{text.rstrip()}\n```\n")
    return "".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "docs/access.md": access_page,
    "docs/settings.md": settings_page,
    "docs/commands.md": commands_page,
    "docs/api.md": api_page,
}


def _helps(command: Any, path: str, names: list[str] | None = None) -> Iterator[tuple[str, str]]:
    import click

    names = command.context_settings.get("help_option_names", names)
    context = click.Context(command, info_name=path, terminal_width=90, help_option_names=names)
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _helps(child, f"{path} {name}", names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    for name, make in PAGES.items():
        (Path(ROOT) / name).write_text(make())


if __name__ == "__main__":
    main()
