from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from server.cli.group import COMMANDS, cli


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command there is, groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield (*path, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))


ALL = sorted(commands(cli))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_says_what_it_does_and_shows_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    assert f"baleybots {' '.join(path)}" in result.output or f"baleybots {path[0]}" in result.output
    described = result.output.split("\n\n")[1].strip()
    assert len(described) > 10


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_is_explained(path: tuple[str, ...]) -> None:
    found: click.Command = cli
    for name in path:
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), name)
        assert inner is not None
        found = inner
    silent = [
        option.name
        for option in found.params
        if isinstance(option, click.Option) and not option.help and not option.show_default
    ]
    assert silent == []


def test_the_overview_names_every_command() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


@pytest.mark.parametrize("words", [["nonsense"], ["bal"], ["bal", "check"], ["up", "--port", "x"]])
def test_wrong_use_is_exit_code_two(words: list[str]) -> None:
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_text_that_is_not_for_a_terminal_has_no_colour() -> None:
    assert "\x1b" not in CliRunner().invoke(cli, ["--help"]).output
