"""What the scripted engine says while it runs, and a world with a history to look at."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.frontend.world import World, stamp, usage

SUMMARY = """The article argues that **small, local grids** recover faster than national ones.

1. After a storm, islands of 50 to 200 homes were back within *hours*, not days.
2. The cost is about 8 % higher, paid back after the second outage.
3. What is missing is a rule for who may switch.

> A grid that can fall apart on purpose is harder to break.
"""
CRITIQUE = """The numbers rest on three regions only, and two of them are coastal.

- Ask for the figures of the inland sites.
- The 8 % leaves out training.
"""
ARTICLE_BOT = """# Reads an article, lets two readers work side by side, joins what they found.
summarizer {
  "goal": "Summarise the article in at most five points.",
  "model": "openai:gpt-5-mini"
}

critic {
  "goal": "Name what the article leaves out.",
  "model": "anthropic:claude-sonnet-4",
  "temperature": 0.2
}

editor {
  "goal": "Join both into one briefing.",
  "output": {
    "headline": "string",
    "briefing": "string",
    "confidence": "number(0, 1)"
  }
}

chain {
  parallel {
    summarizer
    critic
  }
  merge { points: "result.branch_0", doubts: "result.branch_1" }
  editor
}

run("Paste an article here")
"""


async def speak(world: World, execution: dict[str, Any], key: str, text: str) -> None:
    words = text.split(" ")
    for n in range(0, len(words), 2):
        piece = " ".join(words[n : n + 2]) + (" " if n + 2 < len(words) else "")
        await world.tell(execution, "step.delta", key, text=piece)
        await asyncio.sleep(world.pace)


async def entity(
    world: World, execution: dict[str, Any], key: str, position: int, text: str, **how: Any
) -> dict[str, Any]:
    start = datetime.now(UTC)
    name = key.split("/")[-1]
    model = how.get("model", "demo:writer")
    parent, given = how.get("parent"), how.get("input")
    await world.tell(
        execution,
        "step.started",
        key,
        name=name,
        type="entity",
        parentKey=parent,
        input=given,
        position=position,
    )
    await world.tell(execution, "model.requested", key, model=model, tryNumber=1)
    await asyncio.sleep(world.pace * 6)
    await speak(world, execution, key, text)
    used = usage(420 + 10 * position, len(text) // 4, "0.00184")
    await world.tell(
        execution,
        "model.answered",
        key,
        model=model,
        ttftMs=140,
        inputTokens=used["inputTokens"],
        outputTokens=used["outputTokens"],
        cost=1_840_000,
    )
    output = how.get("output", text)
    await world.tell(execution, "step.completed", key, output=output)
    facts = {**how, "output": output, "model": model, "usage": used}
    return step(key, "entity", position, start, **facts)


def step(key: str, kind: str, position: int, start: datetime, **more: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    asked = more.pop("model", None)
    return {
        "key": key,
        "parentKey": more.pop("parent", None),
        "name": key.split("/")[-1],
        "type": kind,
        "status": more.pop("status", "COMPLETED"),
        "position": position,
        "attempt": 1,
        "reused": False,
        "input": more.pop("input", None),
        "output": None,
        "error": None,
        "requestedModel": asked,
        "model": asked,
        "provider": asked.split(":")[0] if asked else None,
        "usage": None,
        "ttftMs": 140 if asked else None,
        "startedAt": stamp(start),
        "finishedAt": stamp(now),
        "durationMs": (now - start).total_seconds() * 1000,
        **more,
    }


async def briefing(world: World, execution: dict[str, Any]) -> None:
    """A parallel pair, a merge, an editor: what most bots look like."""
    await world.tell(execution, "execution.queued")
    await asyncio.sleep(world.pace)
    begin = datetime.now(UTC)
    execution.update(status="RUNNING", startedAt=stamp(begin))
    await world.tell(execution, "execution.started")
    await world.tell(
        execution,
        "step.started",
        "parallel",
        name="parallel",
        type="parallel",
        parentKey=None,
        position=0,
    )
    given = execution["input"]
    inside = {"parent": "parallel", "input": given}
    pair = await asyncio.gather(
        entity(world, execution, "parallel/summarizer", 1, SUMMARY, **inside),
        entity(world, execution, "parallel/critic", 2, CRITIQUE, **inside),
    )
    both = {"branch_0": SUMMARY, "branch_1": CRITIQUE}
    await world.tell(execution, "step.completed", "parallel", output=both)
    merged = {"points": SUMMARY, "doubts": CRITIQUE}
    result = {
        "headline": "Grids that can fall apart recover first",
        "briefing": SUMMARY,
        "confidence": 0.72,
    }
    last = await entity(
        world, execution, "editor", 4, '{"headline": "Grids …"}', output=result, input=merged
    )
    if execution["status"] != "RUNNING":
        return
    now = datetime.now(UTC)
    execution["steps"] = [
        step("parallel", "parallel", 0, begin, output=both),
        *pair,
        step("merge", "merge", 3, now, output=merged),
        last,
    ]
    execution.update(
        status="COMPLETED",
        output=result,
        finishedAt=stamp(now),
        durationMs=(now - begin).total_seconds() * 1000,
        usage=usage(1320, 410, "0.00552"),
    )
    await world.tell(execution, "execution.completed", output=result)


TEMPLATES = [
    ("Article briefing", "📰", "Two readers side by side, one editor. Paste a long article."),
    ("Support triage", "📥", "Sorts a message, drafts the answer, says how sure it is."),
    ("Name finder", "💡", "Ten names for a product, checked and ranked in a loop."),
]

BOTS = [
    (
        "Article briefing",
        "📰",
        "Reads a long article with two readers side by side and writes a briefing with doubts.",
        ["summarizer", "critic", "editor"],
        "anthropic:claude-sonnet-4",
    ),
    (
        "Support triage",
        "📥",
        "Sorts new support mail, answers the easy ones and hands the rest to a person.",
        ["classifier", "answerer", "checker"],
        "openai:gpt-5-mini",
    ),
    (
        "Weekly revenue report",
        "",
        "Queries the warehouse, explains the trend and mails the summary on Monday.",
        ["analyst", "writer"],
        "openai:gpt-5",
    ),
    (
        "Competitor watch",
        "🔭",
        "Follows price pages and posts what changed to the team channel.",
        ["reader", "differ", "poster", "judge", "archivist"],
        None,
    ),
    (
        "Invoice matcher",
        "",
        "Matches bank lines with open invoices and asks when it is unsure.",
        ["matcher"],
        "demo:writer",
    ),
    ("Docs writer", "✍️", "Drafts documentation and has two observers read it.", ["author"], None),
]


def lived_in(world: World) -> World:
    """Six bots with a week behind them, one failing, one running."""
    chance = random.Random(7)
    for n, (name, icon, words, names, model) in enumerate(BOTS):
        source = ARTICLE_BOT if n == 0 else "\n".join(f'{x} {{\n  "goal": "…"\n}}' for x in names)
        entities = [{"name": x, "goal": words, "model": model} for x in names]
        published = None if n == 5 else {"id": f"ver_{n}", "number": 3 + n}
        bot = world.add_bot(
            name,
            source,
            icon=icon,
            description=words,
            entities=entities,
            published=published,
            state="DRAFT" if n == 5 else "PAUSED" if n == 3 else "ACTIVE",
        )
        for age in range(0 if n == 5 else 14):
            past(world, bot, n, age, chance)
    return world


def past(world: World, bot: dict[str, Any], n: int, age: int, chance: random.Random) -> None:
    failed = (n == 4 and age < 3) or chance.random() < 0.06
    seconds = 60 * (3 + n * 7) + age * 5200 + chance.randint(0, 1500)
    took = chance.randint(900, 14_000)
    cost = f"{took / 1_900_000 * (1 + n):.6f}" if n != 4 else "0"
    tokens = usage(took // 4, took // 9, cost)
    kind = ["MANUAL", "WEBHOOK", "SCHEDULE", "SCHEDULE", "API", "MANUAL"][n]
    if failed:
        failure(world, bot, seconds, took, tokens, kind)
        return
    world.add_execution(
        bot,
        "COMPLETED",
        seconds,
        took,
        usage=tokens,
        triggerKind=kind,
        output="Done.",
        input="A text.",
    )


def failure(
    world: World, bot: dict[str, Any], seconds: float, took: int, tokens: Any, kind: str
) -> dict[str, Any]:
    names = [e["name"] for e in bot["entities"]]
    culprit = names[-1]
    error = {
        "kind": "model_unknown",
        "message": "The provider has no model named “gpt-5-nano-x”.",
        "hint": "Name a model that the provider has, or remove the model line.",
        "stepKey": culprit,
    }
    execution = world.add_execution(
        bot, "FAILED", seconds, took, usage=tokens, triggerKind=kind, error=error, input="A text."
    )
    start = datetime.now(UTC) - timedelta(seconds=seconds)
    share = took / max(len(names), 1)
    for n, name in enumerate(names):
        begin = start + timedelta(milliseconds=38 + n * share)
        bad = name == culprit
        made = step(
            name,
            "entity",
            n,
            begin,
            model="openai:gpt-5-mini",
            usage=usage(300, 80, "0.0004"),
            input="A text.",
            output=None if bad else CRITIQUE,
            status="FAILED" if bad else "COMPLETED",
            error=error if bad else None,
        )
        end = begin + timedelta(milliseconds=share * 0.96)
        made.update(finishedAt=stamp(end), durationMs=share * 0.96)
        execution["steps"].append(made)
    return execution


def with_templates(world: World) -> World:
    world.templates = [
        {
            "id": f"template_{n}",
            "name": name,
            "description": words,
            "icon": icon,
            "source": ARTICLE_BOT,
            "sampleInput": "Storms cut the power more often. Small grids recover faster.",
        }
        for n, (name, icon, words) in enumerate(TEMPLATES)
    ]
    world.script = briefing
    return world
