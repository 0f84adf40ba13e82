"""`costs`: where the money went, and where the budgets stand."""

from __future__ import annotations

from typing import Any

import click

from server.cli.group import example
from server.cli.output import json_option, print_json, say, table
from server.cli.remote import Remote, connected

COSTS = """
query CliCosts($days: Int!) {
  costs(days: $days) {
    total { calls inputTokens outputTokens cost unpriced }
    byBot { key name calls inputTokens outputTokens cost unpriced }
    byModel { key name calls inputTokens outputTokens cost unpriced }
    byEntity { key name calls inputTokens outputTokens cost unpriced }
    byOperation { key name calls inputTokens outputTokens cost unpriced }
    byProvider { key name calls inputTokens outputTokens cost unpriced }
    byDay { key calls cost unpriced }
  }
  budgets(first: 100) {
    nodes { id name scope period limit action standing { spent left percent endsAt } }
  }
}
"""
GROUPS = {
    "bot": "byBot",
    "agent": "byEntity",
    "model": "byModel",
    "operation": "byOperation",
    "provider": "byProvider",
    "day": "byDay",
}


@click.command(epilog=example("baleybots costs\nbaleybots costs --days 7 --by model --json"))
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True)
@click.option("--by", type=click.Choice(list(GROUPS)), default="bot", show_default=True)
@json_option
def costs(days: int, by: str, as_json: bool) -> None:
    """What has been spent, by bot, agent, model, operation, provider or day, and the budgets."""

    async def work(remote: Remote) -> dict[str, Any]:
        return await remote.ask(COSTS, days=days)

    found = connected(work)
    if as_json:
        print_json({**found["costs"], "budgets": found["budgets"]["nodes"]})
        return
    lines = found["costs"][GROUPS[by]]
    table(
        [by.upper(), "CALLS", "US DOLLARS"],
        ([one.get("name") or one["key"], one["calls"], _money(one["cost"])] for one in lines),
    )
    total = found["costs"]["total"]
    say(f"{days} days: {_money(total['cost'])} US dollars in {total['calls']} calls")
    if total["unpriced"]:
        say(f"{total['unpriced']} calls have no known price and are not in the sum.")
    _budgets(found["budgets"]["nodes"])


def _budgets(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    say()
    table(
        ["BUDGET", "AT THE LIMIT", "SPENT", "LIMIT", ""],
        (
            [
                one["name"],
                one["action"].lower(),
                _money(one["standing"]["spent"]) if one["standing"] else "each",
                _money(one["limit"]),
                f"{one['standing']['percent']:g} %" if one["standing"] else "",
            ]
            for one in rows
        ),
    )


def _money(text: str) -> str:
    return f"{float(text):.4f}"
