"""Programs on their way from files to a server: read, looked at, checked, and only then sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from server.cli.bal import STDIN, read_source
from server.cli.remote import Remote
from server.core.errors import Invalid
from server.core.filenames import name_of

Action = Literal["create", "update", "unchanged"]

BOT = """
query CliPushTarget($id: ID, $name: String) {
  bot(id: $id, name: $name) { id name source draftVersion draftIsLive published { number } }
}
"""
CHECK = """
query CliCheck($source: BalSource!) {
  previewBalChange(source: $source) { diagnostics { severity message line column hint } }
}
"""
COMPARE = """
query CliCompare($old: BalSource!, $new: BalSource!) {
  compareBal(old: $old, new: $new) { summary }
}
"""
CREATE = """
mutation CliCreateBot($input: CreateBotInput!) {
  createBot(input: $input) {
    bot { id name source draftVersion }
    errors { code message path ... on BalError { line column hint } }
  }
}
"""
SAVE = """
mutation CliSaveDraft($input: SaveBotDraftInput!) {
  saveBotDraft(input: $input) {
    bot { id name source draftVersion }
    errors { code message path ... on BalError { line column hint } }
  }
}
"""
PUBLISH = """
mutation CliPublish($input: PublishBotInput!) {
  publishBot(input: $input) {
    bot { id name source draftVersion published { number } }
    errors { code message path ... on BalError { line column hint } }
  }
}
"""


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """`named`: a bot's name, or its id."""

    path: str
    named: str
    source: str

    @property
    def target(self) -> dict[str, str]:
        by_id = self.named.startswith("bot_") and len(self.named) == 30
        return {"id": self.named} if by_id else {"name": self.named}


@dataclass(frozen=True, slots=True)
class Pushed:
    """`published`: the number of the version that is live with this text, when asked for."""

    file: str
    name: str
    action: Action
    id: str | None
    summary: str
    publishes: bool
    published: int | None

    def words(self, dry_run: bool) -> str:
        done = {"create": "created", "update": "draft saved", "unchanged": "unchanged"}
        says = {"create": "would be created", "update": "would change", "unchanged": "unchanged"}
        parts = [(says if dry_run else done)[self.action]]
        if self.summary and dry_run:
            parts[0] += f": {self.summary}"
        if self.publishes and dry_run:
            parts.append("would be published")
        elif self.published is not None:
            parts.append(f"published as version {self.published}")
        known = f" ({self.id})" if self.id and not dry_run else ""
        return f"{self.name}: {', '.join(parts)}{known}"

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "name": self.name,
            "action": self.action,
            "id": self.id,
            "summary": self.summary,
            "publishes": self.publishes,
            "published": {"number": self.published} if self.published is not None else None,
        }


def read_files(given: tuple[str, ...], name: str | None) -> list[ProgramFile]:
    """A folder stands for the programs in it."""
    files = [found for one in given for found in _files(one)]
    if name and len(files) > 1:
        raise click.UsageError("--name fits one FILE only.")
    if STDIN in files and not name:
        raise click.UsageError("Give --name with standard input.")
    programs = [
        ProgramFile(file, name or name_of(Path(file).stem), read_source(file)) for file in files
    ]
    seen: dict[str, str] = {}
    for program in programs:
        twin = seen.setdefault(program.named.casefold(), program.path)
        if twin != program.path:
            raise Invalid(f"{twin} and {program.path} are programs of one bot, {program.named}.")
    return programs


def _read(file: str, named: str) -> ProgramFile:
    return ProgramFile(file, named, read_source(file))


def _files(given: str) -> list[str]:
    folder = Path(given)
    if given == STDIN or not folder.is_dir():
        return [given]
    found = sorted(str(path) for path in folder.glob("*.bal") if path.is_file())
    if not found:
        raise Invalid(f"There is no .bal file in {given}.")
    return found


async def push_all(
    remote: Remote, programs: list[ProgramFile], *, publish: bool, note: str | None, dry_run: bool
) -> list[Pushed]:
    there = [(await remote.ask(BOT, **program.target))["bot"] for program in programs]
    plan = list(zip(programs, there, strict=True))
    await _refuse_mistakes(remote, plan, publish)
    if dry_run:
        return [await _planned(remote, program, bot, publish) for program, bot in plan]
    return [await _sent(remote, program, bot, publish, note) for program, bot in plan]


async def push_source(remote: Remote, name: str, source: str) -> dict[str, Any]:
    """Creates the bot, or replaces its draft where the text differs."""
    program = ProgramFile(name, name, source)
    return await _stored(remote, program, (await remote.ask(BOT, **program.target))["bot"])


async def _refuse_mistakes(
    remote: Remote, plan: list[tuple[ProgramFile, dict[str, Any] | None]], publish: bool
) -> None:
    """All of them at once: whoever mends them wants to hear of each."""
    wrong: list[str] = []
    for program, bot in plan:
        if bot is not None and bot["source"] == program.source and not publish:
            continue
        found = await remote.ask(CHECK, source=program.source)
        for one in found["previewBalChange"]["diagnostics"]:
            if one["severity"] == "ERROR":
                hint = f" {one['hint']}" if one.get("hint") else ""
                wrong.append(
                    f"{program.path}: line {one['line']}, column {one['column']}: "
                    f"{one['message']}{hint}"
                )
    if wrong:
        raise Invalid("\n".join(wrong), hint="\nNothing was sent.")


async def _planned(
    remote: Remote, program: ProgramFile, bot: dict[str, Any] | None, publish: bool
) -> Pushed:
    summary = ""
    if bot is not None and bot["source"] != program.source:
        summary = await _summary(remote, bot["source"], program.source)
    action = _action(program, bot)
    publishes = publish and not (bot and bot["draftIsLive"] and action == "unchanged")
    return Pushed(
        program.path,
        bot["name"] if bot else program.named,
        action,
        bot["id"] if bot else None,
        summary,
        publishes,
        None,
    )


async def _sent(
    remote: Remote,
    program: ProgramFile,
    bot: dict[str, Any] | None,
    publish: bool,
    note: str | None,
) -> Pushed:
    """What is live with this text already is not published again."""
    action = _action(program, bot)
    number: int | None = None
    try:
        stored = await _stored(remote, program, bot)
        if publish and bot and action == "unchanged" and bot["draftIsLive"]:
            number = bot["published"]["number"]
        elif publish:
            given = {"botId": stored["id"], "expectedVersion": stored["draftVersion"]}
            done = await remote.change(PUBLISH, **given, **({"note": note} if note else {}))
            number = done["bot"]["published"]["number"]
    except Invalid as error:
        raise Invalid(f"{program.path}: {error.message}") from None
    return Pushed(program.path, stored["name"], action, stored["id"], "", publish, number)


async def _stored(
    remote: Remote, program: ProgramFile, bot: dict[str, Any] | None
) -> dict[str, Any]:
    if bot is None:
        made = await remote.change(CREATE, name=program.named, source=program.source)
        return made["bot"]
    if bot["source"] == program.source:
        return bot
    saved = await remote.change(
        SAVE, botId=bot["id"], source=program.source, expectedVersion=bot["draftVersion"]
    )
    return saved["bot"]


def _action(program: ProgramFile, bot: dict[str, Any] | None) -> Action:
    if bot is None:
        return "create"
    return "unchanged" if bot["source"] == program.source else "update"


async def _summary(remote: Remote, old: str, new: str) -> str:
    """Empty where the draft there has mistakes, or where only the spelling changed."""
    try:
        found = await remote.ask(COMPARE, old=old, new=new)
    except Invalid:
        return ""
    return found["compareBal"]["summary"] or "only the spelling"
