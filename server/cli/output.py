"""What the commands print. Colour and progress only where a person looks at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

STATUS_COLOURS = {
    "completed": "green",
    "failed": "red",
    "timed_out": "red",
    "cancelled": "yellow",
    "running": "cyan",
    "pending": "cyan",
}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")


def say(text: str = "", *, err: bool = False) -> None:
    click.echo(text, err=err)


def note(text: str) -> None:
    """A remark beside the result: standard error, so that the result can be piped."""
    click.echo(click.style(text, dim=True), err=True)


def print_json(value: Any) -> None:
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can say and UTF-8 cannot
        text = json.dumps(value, indent=2, default=str)
    return text


def value_text(value: Any) -> str:
    """A result as a person reads it: text as it is, everything else as JSON."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    lines = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [
        max(len(headers[i]), *(len(line[i]) for line in lines), 0) for i in range(len(headers))
    ]
    heading = "  ".join(head.ljust(width) for head, width in zip(headers, widths, strict=True))
    say(click.style(heading.rstrip(), bold=True))
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip())


def status_text(status: str) -> str:
    word = status.lower()
    return click.style(word, fg=STATUS_COLOURS.get(word))
