"""The library that speaks to providers weighs as much as everything else together: a process that
asks no model of theirs never loads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DAY = """
import asyncio, sys
from pathlib import Path
from tests.support.front import open_front

ASKED = '''{ models { id } connectionKinds { name } providerHealth { provider }
  openCircuits { provider } costs(days: 7) { total { cost } }
  previewBalChange(source: "a { goal: 'x', model: 'gpt-4o', fallbacks: ['gpt-4'] }") { ok } }'''

async def day():
    async with open_front(Path(sys.argv[1]), {"OPENAI_API_KEY": "sk-none"}) as front:
        api = await front.caller()
        await api.data(ASKED)
        bot = await api.bot('writer { "goal": "Sum up the text" }')
        run = await api.start(bot["id"], input="Tea is good.", mode="DEMO")
        found = "{ execution(id: \\"%s\\") { status } }" % run["id"]
        while (await api.data(found))["execution"]["status"] != "COMPLETED":
            await asyncio.sleep(0.05)

asyncio.run(day())
print(sorted({"litellm", "openai", "tiktoken", "tokenizers"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_server_that_makes_no_calls_never_loads_it(tmp_path: Path) -> None:
    words = [sys.executable, "-c", DAY, str(tmp_path)]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    assert found.stdout.splitlines()[-1:] == ["[]"], found.stderr
