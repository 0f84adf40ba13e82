"""What is left out of a start is there for whoever needs it."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path

import pytest

from server.core import sparing


@dataclass(frozen=True, slots=True, order=True)
class Coin:
    value: int
    name: str = field(default="", compare=False)


@dataclass
class Purse:
    coins: list[Coin]


def test_methods_that_are_written_late_are_those_of_python() -> None:
    assert repr(Purse([Coin(1, "one")])) == "Purse(coins=[Coin(value=1, name='one')])"
    assert Coin(1, "one") == Coin(1, "another") != Coin(2)
    assert Coin(1) != 1
    assert len({Coin(1), Coin(1), Coin(2)}) == 2
    assert sorted([Coin(2), Coin(1)]) == [Coin(1), Coin(2)]
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'value'"):
        Coin(1).value = 2  # type: ignore[misc]
    with pytest.raises(TypeError, match="unhashable"):
        hash(Purse([]))
    assert Coin.__repr__.__module__ == __name__


def test_python_reads_what_dataclasses_are_made_of_itself() -> None:
    """From 3.12 on by more of `inspect` than 3.11 needs."""
    assert vars(dataclasses)["inspect"] is inspect
    assert str(Coin.__doc__).startswith("Coin(value: ")


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
