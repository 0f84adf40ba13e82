from pathlib import Path

import pytest

from server.bal.checker import check
from server.bal.lexer import decode

PROGRAMS = sorted((Path(__file__).parent / "right").glob("*.bal"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_sound_program_has_no_error(path: Path) -> None:
    report = check(decode(path.read_bytes()))

    assert [one for one in report.diagnostics if one.severity == "error"] == []
    assert report.ok
    assert report.program.entities or report.program.steps
