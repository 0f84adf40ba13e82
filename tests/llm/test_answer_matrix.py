"""What becomes of answers that are not what was asked for: by a real gateway, over HTTP, in a run.
The table in docs/providers.md is made of these very lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.models.enums import ExecutionStatus
from server.models.tables import ModelCall, Step
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import open_home

DOCS = Path(__file__).parents[2] / "docs" / "providers.md"
SOURCE = """
{defaults}
writer {{
  "goal": "Write",
  "model": "openai:gpt-4o-mini",
  "retries": 0,
  "output": {{ "title": "string", "pages": "integer" }}
}}
"""
GOOD = {"title": "Tea", "pages": 3}
WELL = '{"title": "Tea", "pages": 3}'
NOTHING = ""
CUT = '{"title": "Tea", "pag'


@dataclass(frozen=True)
class Case:
    """`said` is what the model writes first; asked again it writes `again`. `output` is the step's
    result, `asked` how often the model was asked, `strict` how the run ends when it is strict."""

    name: str
    said: str
    asked: int
    outcome: str
    output: Any = None
    again: str = WELL
    finish: str | None = None
    strict: str = "completed"

    @property
    def row(self) -> str:
        shown = self.said.replace("\n", "⏎").replace("|", "\\|") or " "
        code = f"```` {shown} ````" if "`" in shown else f"`{shown}`"
        return f"| {self.name} | {code} | {self.outcome} | {self.asked} | {self.strict} |"


CASES = (
    Case("fenced", f"```json\n{WELL}\n```", 1, "the object inside the fence", GOOD),
    Case("prose before", f"Here it is: {WELL}", 1, "the object in the prose", GOOD),
    Case("prose after", f"{WELL} Anything else?", 1, "the object in the prose", GOOD),
    Case("nested key", f'{{"result": {WELL}}}', 1, "taken out of its wrapper", GOOD),
    Case("a list of one", f"[{WELL}]", 1, "taken out of its wrapper", GOOD),
    Case(
        "wrong type, nothing lost",
        '{"title": "Tea", "pages": "3"}',
        1,
        "the text 3 becomes the number",
        GOOD,
    ),
    Case(
        "wrong type",
        '{"title": "Tea", "pages": "three"}',
        2,
        "asked once more, with what did not fit",
        GOOD,
    ),
    Case("a key is missing", '{"title": "Tea"}', 2, "asked once more", GOOD),
    Case("truncated", CUT, 2, "asked once more, to be shorter", GOOD, finish="length"),
    Case("no JSON at all", "I would say Tea.", 2, "asked once more", GOOD),
    Case(
        "no JSON, twice",
        "I would say Tea.",
        2,
        "the second text as it is, with its issues on the step",
        "Tea, as I said.",
        again="Tea, as I said.",
        strict="failed, `schema_mismatch`",
    ),
    Case(
        "wrong type, twice",
        '{"title": "Tea", "pages": "three"}',
        2,
        "the better of the two, with its issues on the step",
        {"title": "Tea", "pages": "three"},
        again='{"title": [], "pages": []}',
        strict="failed, `schema_mismatch`",
    ),
    Case(
        "nothing",
        NOTHING,
        1,
        "failed with `bad_answer`: it is tried again as the entity's `retries` say",
        strict="failed, `bad_answer`",
    ),
)
HEAD = (
    "| the answer | for example | what becomes of it | questions | strict |",
    "|---|---|---|---|---|",
)


@pytest.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
async def test_each_answer_ends_as_the_table_says(
    tmp_path: Path, models: ModelServer, strict: bool
) -> None:
    environ = {"OPENAI_API_KEY": "sk-matrix", "OPENAI_BASE_URL": models.url}
    source = SOURCE.format(defaults='defaults { "strict": true }' if strict else "")
    async with open_home(tmp_path, environ=environ) as home:
        bot = await home.bot(source)
        for case in CASES:
            models.script("gpt-4o-mini", Reply(case.said, finish=case.finish), Reply(case.again))
            ended = await home.ended(await home.start(bot, case.name))
            models._queued.clear()
            calls = await ModelCall.filter(execution_id=ended.id).order_by("id")
            assert len(calls) == case.asked, case.name
            failed = case.output is None or (strict and case.strict.startswith("failed"))
            if failed:
                assert ended.status is ExecutionStatus.FAILED, case.name
                assert f"`{ended.error['kind']}`" in case.strict
                continue
            assert ended.status is ExecutionStatus.COMPLETED, (case.name, ended.error)
            step = await Step.get(execution_id=ended.id, key="writer")
            assert step.output == case.output, case.name
            assert bool(step.issues) == (case.again != WELL), case.name
            assert calls[-1].repair == (case.asked == 2), case.name
            assert calls[0].answer["text"] == case.said


def test_the_table_in_the_guide_is_this_one() -> None:
    table = "\n".join((*HEAD, *(case.row for case in CASES)))
    assert table in DOCS.read_text(), f"docs/providers.md must hold:\n{table}"
