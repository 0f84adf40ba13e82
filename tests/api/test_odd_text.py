"""NUL and other text that a database will not keep, through the API over each of the databases: it
is kept as far as it can be, or refused with words, and never a bug of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.api.rules import CODES
from tests.support.front import PURE, Api, open_front

pytestmark = pytest.mark.services

ODD = {
    "nul": "a\x00b",
    "controls": "\x01\x1b[31m\x7f",
    "astral": "\U0001f600" * 40,
    "unpaired": "\ud800x",
    "direction": "\u202egnp.exe\u2066",
    "noncharacter": "\uffff\U0010ffff",
    "long": "x" * 5_000,
    "quotes": "'\"\\`;--%_$1?:x{}",
}
LIST = """{ executions(first: 50) { nodes { id status triggerKind createdAt startedAt durationMs
  bot { id name } version { id number } usage { cost totalTokens } } }
  bots { nodes { id name } } }"""


@pytest.fixture(params=["postgres", "mysql"])
def server_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


async def test_odd_text_is_kept_or_refused(server_url: str, tmp_path: Path) -> None:
    async with open_front(tmp_path, {"BALEYBOTS_DATABASE_URL": server_url}) as front:
        api = await front.caller()
        bot = await api.bot(PURE, "Plain")
        for word, text in ODD.items():
            await _everywhere(api, bot["id"], word, text)
        found = await api.data(LIST)
        assert len(found["executions"]["nodes"]) >= 1
        for row in found["executions"]["nodes"]:
            assert row["bot"]["id"] == bot["id"]
            assert row["version"]["number"] == 1
            assert row["createdAt"].endswith("Z")


async def _everywhere(api: Api, bot_id: str, word: str, text: str) -> None:
    asked = [
        ("createBot", {"source": PURE, "name": text}),
        ("createBot", {"source": f"{PURE} // {text}", "name": f"Source {word}"}),
        ("renameBot", {"botId": bot_id, "name": text}),
        ("startExecution", {"botId": bot_id, "input": {text: text}}),
        ("startExecution", {"botId": bot_id, "input": 1, "idempotencyKey": text}),
    ]
    for name, given in asked:
        kind = name[0].upper() + name[1:]
        document = (
            f"mutation M($input: {kind}Input!) {{ {name}(input: $input) {{ errors {{ code }} }} }}"
        )
        _is_fine(await _said(api, document, {"input": given}), word, name)
    document = "query Q($text: String!) { bots(filter: {text: $text}) { nodes { id } } }"
    _is_fine(await _said(api, document, {"text": text}), word, "bots")


async def _said(api: Api, document: str, given: dict[str, object]) -> dict[str, object]:
    """Written with escapes, as JSON may be: that way an unpaired half gets through to us."""
    headers = {"authorization": f"Bearer {api.token}", "content-type": "application/json"}
    body = json.dumps({"query": document, "variables": given})
    answer = await api.http.post("/graphql", content=body, headers=headers)
    assert answer.status_code < 500, answer.text
    return answer.json()


def _is_fine(answer: dict[str, object], word: str, name: str) -> None:
    text = str(answer)
    assert "INTERNAL" not in text, (word, name, text)
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]  # type: ignore[attr-defined]
    assert set(codes) <= CODES, (word, name, text)
