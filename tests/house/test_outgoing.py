"""Only the room that checks addresses opens connections for others."""

from __future__ import annotations

import re
from pathlib import Path

ROOMS = ("server", "workers", "frontend")
ROOT = Path(__file__).parents[2]
# Each with the reason why it may.
MAY = {
    "server/llm/exchange.py": "asks over the connections of those sessions; opens none of its own",
    "server/llm/fast.py": "calls through the sessions of outgoing.py",
    "server/llm/forms.py": "hands answers to the library in httpx's shape; opens nothing",
    "server/llm/outgoing.py": "sessions that obey the policy, or for the operator's own address",
    "server/llm/served.py": "asks through the sessions of outgoing.py",
    "server/cli/remote.py": "the command line's way to its own server",
}
DOORS = re.compile(
    r"^\s*(?:import|from) (?:aiohttp|httpx|requests|urllib3|urllib\.request|http\.client|smtplib"
    r"|ftplib|telnetlib|tavily|websockets)\b|asyncio\.open_connection\(|loop\.create_connection\(",
    re.MULTILINE,
)


def test_connections_leave_through_the_policy() -> None:
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    named = {path.relative_to(ROOT).as_posix(): path for path in found}
    others = [
        f"{name}: {door[0].strip()}"
        for name, path in named.items()
        if name not in MAY and "server/core/net/" not in name
        for door in DOORS.finditer(path.read_text(encoding="utf-8"))
    ]
    assert others == [], "use server.core.net"
