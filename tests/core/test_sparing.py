"""What is left out of a start is there for whoever needs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server.core import sparing


def test_only_the_one_that_is_spared_goes_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heavy_one.py").write_text("there = True\n")
    (tmp_path / "heavy_two.py").write_text("def twice(n):\n    return 2 * n\n")
    (tmp_path / "heavy_three.py").write_text("def thrice(n):\n    return 3 * n\n")
    (tmp_path / "spared_one.py").write_text(
        "from heavy_three import thrice\n"
        "import heavy_two\ntry:\n    import heavy_one\nexcept ImportError:\n    heavy_one = None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sparing._ABSENT, "spared_one", ("heavy_one",))
    monkeypatch.setitem(sparing._LATER, "spared_one", ("heavy_two", "heavy_three"))

    import spared_one  # type: ignore[import-not-found]

    assert spared_one.heavy_one is None
    assert not {"heavy_one", "heavy_two"} & set(sys.modules)
    assert spared_one.heavy_two.twice(2) == 4
    assert spared_one.thrice(2) == 6

    import heavy_one  # type: ignore[import-not-found]

    assert heavy_one.there
    for name in ("spared_one", "heavy_one", "heavy_two", "heavy_three"):
        monkeypatch.delitem(sys.modules, name)
