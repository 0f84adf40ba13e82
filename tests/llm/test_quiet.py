"""The library for models never talks, whatever the environment asks of it: it would write requests
with their headers into the log."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

TALKATIVE = """
import asyncio, sys
from server.llm.litellm_client import load
litellm = load()
def broken():
    asyncio.run(litellm.acompletion(
        model="openai/gpt-4", messages=[{"role": "user", "content": "canary words"}],
        api_key="sk-canary-0123456789", api_base="http://127.0.0.1:9/v1", num_retries=0))
try:
    broken()
except Exception as error:
    print("failed as it should", type(error).__name__)
"""


@pytest.mark.slow
def test_no_request_stands_in_the_log() -> None:  # S71
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TALKATIVE],
        env={**os.environ, "LITELLM_LOG": "DEBUG"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "failed as it should" in done.stdout, done.stderr[-2_000:]
    assert "canary" not in done.stdout + done.stderr
    assert "Request" not in done.stderr
