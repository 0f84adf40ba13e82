"""`bal check|fmt|graph|run`: the language at hand, with no server and no database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from server.cli.group import example
from server.cli.output import json_option, print_json, say, value_text
from server.cli.whole_file import write_whole

STDIN = "-"
WIDEST = 200

input_option = click.option(
    "--input",
    "input_text",
    metavar="JSON|TEXT|@FILE",
    help="The input: JSON, or plain text, or either from a file.",
)


@click.group(epilog=example("baleybots bal check hello.bal\nbaleybots bal run hello.bal"))
def bal() -> None:
    """Check, format, draw and run programs; needs no server."""


@bal.command(
    epilog=example(
        "baleybots bal check hello.bal bots/*.bal\ncat x.bal | baleybots bal check - --json"
    )
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@json_option
def check(files: tuple[str, ...], as_json: bool) -> None:
    """Report every mistake with line, column and a hint. FILE may be - for standard input.

    Exit code 0 when there is no error (warnings are allowed), 1 when there is one.
    """
    from server.bal.checker import check as check_source

    found: list[dict[str, Any]] = []
    for file in files:
        source = read_program(file)
        for diagnostic in check_source(source).diagnostics:
            found.append({"file": file, **diagnostic.to_json()})
            if not as_json:
                _show(found[-1], source)
    if as_json:
        print_json(found)
    errors = sum(item["severity"] == "error" for item in found)
    if not as_json:
        say(_verdict(len(files), errors, len(found) - errors))
    sys.exit(1 if errors else 0)


@bal.command(epilog=example("baleybots bal fmt hello.bal\nbaleybots bal fmt --check bots/*.bal"))
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 if one would.")
def fmt(files: tuple[str, ...], only_check: bool) -> None:
    """Rewrite programs in the one canonical layout. With - the text goes to standard output."""
    from server.bal.formatter import format_source

    different = 0
    broken = 0
    for file in files:
        source = read_program(file)
        formatted = format_source(source)
        for mistake in formatted.diagnostics:
            if mistake.severity == "error":
                _show({"file": file, **mistake.to_json()}, source)
        broken += not formatted.ok
        if formatted.ok:
            different += _write_formatted(file, source, formatted.text, only_check)
    sys.exit(1 if broken or (only_check and different) else 0)


def _write_formatted(file: str, source: str, text: str, only_check: bool) -> int:
    if only_check:
        if text != source:
            say(f"{file} would change")
    elif file == STDIN:
        click.echo(text, nl=False)
    elif text != source:
        write_whole(file, text.encode())
        say(f"{file} formatted")
    return int(text != source)


@bal.command(epilog=example("baleybots bal graph hello.bal --json"))
@click.argument("file", metavar="FILE")
@json_option
def graph(file: str, as_json: bool) -> None:
    """Print the nodes and edges of a program's diagram."""
    from server.bal.diagram import draw

    source = read_program(file)
    drawing = draw(source)
    if drawing.diagram is None:
        for mistake in drawing.diagnostics:
            _show({"file": file, **mistake.to_json()}, source, err=True)
        sys.exit(1)
    drawn = drawing.diagram.to_json()
    if as_json:
        print_json(drawn)
        return
    for node in drawn["nodes"]:
        say(f"{node['id']}  {node['type']}  {node['data'].get('name') or ''}".rstrip())
    for edge in drawn["edges"]:
        label = f"  [{edge['label']}]" if edge.get("label") else ""
        say(f"{edge['source']} -> {edge['target']}{label}")


@bal.command(
    epilog=example(
        """baleybots bal run hello.bal --input '{"topic": "tea"}'
baleybots bal run hello.bal --replies replies.json --json"""
    )
)
@click.argument("file", metavar="FILE")
@input_option
@click.option("--replies", type=click.Path(), help="Canned answers per entity and tool (JSON).")
@json_option
def run(file: str, input_text: str | None, replies: str | None, as_json: bool) -> None:
    """Run a program here and now, with canned answers or the demo model.

    Without --replies built-in tools work as far as they need nobody else: what is stored lasts as
    long as the run, and waits take no time.

    Exit code 0 when it completed, 1 when it failed.
    """
    import asyncio

    from server.engine.canned import RepliesUnreadable
    from server.engine.offline import run_source
    from server.engine.walker import NO_INPUT

    source = read_program(file)
    if not as_json and _show_errors(file, source):
        sys.exit(1)
    canned = _read_json_file(replies) if replies else None
    given = NO_INPUT if input_text is None else input_value(input_text)
    try:
        outcome = asyncio.run(run_source(source, given, replies=canned))
    except RepliesUnreadable as error:
        raise Unreadable(error.message) from None
    data = outcome.to_json()
    if as_json:
        print_json(data)
    elif data["status"] == "completed":
        say(value_text(data["output"]))
    else:
        error = data["error"] or {"kind": data["status"], "message": "", "entity": None}
        where = f" in {error['entity']}" if error["entity"] else ""
        say(f"{error['kind']}{where}: {error['message']}", err=True)
    sys.exit(0 if data["status"] == "completed" else 1)


def _show_errors(file: str, source: str) -> bool:
    """Every mistake with its line and a caret, as `bal check` shows them."""
    from server.bal.checker import check as check_source

    report = check_source(source)
    for diagnostic in report.diagnostics:
        if diagnostic.severity == "error":
            _show({"file": file, **diagnostic.to_json()}, source)
    return not report.ok


# --- shared ---------------------------------------------------------------------------------


class Unreadable(click.ClickException):
    """A file that cannot be read is wrong usage: exit code 1 speaks of what stands in a file."""

    exit_code = 2


def read_program(file: str) -> str:
    """Bytes that are not UTF-8 are for the checker to report, at their place."""
    from server.bal.lexer import decode

    return decode(_read_bytes(file))


def read_source(file: str) -> str:
    try:
        return _read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(f"{file} is not UTF-8 text.") from None


def _read_bytes(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror or error}.") from None


def input_value(text: str | None) -> Any:
    """JSON where it is JSON, else the text itself; `@FILE` takes either from a file."""
    if text is None:
        return None
    from_file = text.startswith("@") and len(text) > 1
    given = read_source(text[1:]) if from_file else text
    try:
        return _parse_json(given)
    except ValueError:
        if not from_file and given.lstrip()[:1] in ("{", "[", '"'):
            problem = "--input looks like JSON but is not: check the quotes."
            raise click.UsageError(problem) from None
        return given


def _read_json_file(path: str) -> Any:
    try:
        return _parse_json(read_source(path))
    except ValueError as error:
        raise Unreadable(f"{path} is not JSON: {error}.") from None


def _parse_json(text: str) -> Any:
    """What Python takes beyond JSON (NaN, Infinity) could not be printed as JSON again."""
    import json
    import math

    def number(digits: str) -> float:
        if not math.isfinite(value := float(digits)):
            raise ValueError(f"{digits} is too large a number")
        return value

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON value")

    return json.loads(text, parse_float=number, parse_constant=refuse)


def _show(item: dict[str, Any], source: str, *, err: bool = False) -> None:
    """`file:line:column: severity kind: message`, the line and a caret below it."""
    from server.bal.lines import Lines

    colour = "red" if item["severity"] == "error" else "yellow"
    head = click.style(f"{item['severity']} {item['kind']}", fg=colour, bold=True)
    say(f"{item['file']}:{item['line']}:{item['column']}: {head}: {item['message']}", err=err)
    line = Lines(source).text(item["line"])
    if line.strip():
        shown, caret = _around(line, _caret(item, line))
        say(f"  {shown}", err=err)
        say(f"  {caret}", err=err)
    if item["hint"]:
        say(f"  hint: {item['hint']}", err=err)


def _around(line: str, caret: str) -> tuple[str, str]:
    """A very long line is cut to the part that the caret points at, and stays printable."""
    line = line.encode("utf-8", "replace").decode()
    first = len(caret) - len(caret.lstrip(" \t"))
    start = max(0, first - WIDEST // 2) if len(line) > WIDEST else 0
    return line[start : start + WIDEST], caret[start : start + WIDEST]


def _caret(item: dict[str, Any], line: str) -> str:
    """Tabs stay tabs, so that the caret stands under its character on any terminal."""
    before = line[: item["column"] - 1]
    blank = "".join(c if c == "\t" else " " for c in before)
    same_line = item["end_line"] == item["line"]
    width = item["end_column"] - item["column"] if same_line else len(line) - len(before)
    return blank + "^" * max(1, width)


def _verdict(files: int, errors: int, warnings: int) -> str:
    checked = f"{files} file{'s' * (files != 1)} checked"
    if not errors and not warnings:
        return f"{checked}: no mistakes"
    return (
        f"{checked}: {errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
    )
