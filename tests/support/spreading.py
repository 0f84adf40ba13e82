"""Which test files share a process when several run at a time."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

# Loading the library for models takes a process three seconds: in the quick ring one is enough.
LOADS_THE_MODEL_LIBRARY = frozenset(
    {
        "tests/api/test_connections.py",
        "tests/cli/test_chat.py",
        "tests/connections/test_connections.py",
        "tests/connections/test_secret_uses.py",
        "tests/costs/test_budgets.py",
        "tests/engine/test_permits.py",
        "tests/engine/test_retries.py",
        "tests/llm/test_answer_matrix.py",
        "tests/llm/test_images.py",
    }
)


class FilesTogether(LoadFileScheduling):
    """`--dist loadfile`, with some files as if they were one."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "the model library" if file in LOADS_THE_MODEL_LIBRARY else file
