"""Child processes of a test, killed by their own id and no other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Child:
    process: asyncio.subprocess.Process
    log: Path

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            return (await self.process.stdout.readline()).decode().strip()

    async def says(self, word: str) -> None:
        """Waits until its log has the word."""

        def said() -> bool:
            found = word in self.log.read_text()
            assert found or self.process.returncode is None, self.log.read_text()
            return found

        await until(said, 30, pause=0.05)

    async def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        self.process.send_signal(how)
        async with asyncio.timeout(40):
            return await self.process.wait()


@asynccontextmanager
async def child(folder: Path, *arguments: str, **environ: str) -> AsyncIterator[Child]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    log = folder / f"child-{len(list(folder.glob('child-*')))}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.workers.child",
            *arguments,
            cwd=ROOT,
            env={**kept, **environ},
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )
        running = Child(process, log)
        try:
            yield running
        finally:
            if process.returncode is None:
                await running.kill()
