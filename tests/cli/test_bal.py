from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli.group import cli

BROKEN = """writer { "goal": "Write" }
chain { writer editr }
"""
CHAIN = 'a { "goal": "A" "output": { "x": "string" } }\nchain {\n  a\n}\n'


def bal(*words: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["bal", *words], input=stdin)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hello.bal"
    path.write_text(CHAIN)
    return path


def test_a_good_program(file: Path) -> None:
    result = bal("check", str(file))
    assert result.exit_code == 0
    assert result.output.endswith("1 file checked: no mistakes\n")


def test_a_mistake_is_shown_under_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.bal"
    path.write_text(BROKEN)
    result = bal("check", str(path))
    assert result.exit_code == 1
    lines = result.output.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith(f"{path}:2:16: error"))
    assert lines[place + 1] == "  chain { writer editr }"
    assert lines[place + 2] == "                 ^^^^^"
    assert lines[place + 3].startswith("  hint: ")


def test_mistakes_as_json_have_the_fields_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "broken.bal"
    path.write_text(BROKEN)
    result = bal("check", "--json", str(path))
    assert result.exit_code == 1
    first = json.loads(result.output)[0]
    fields = "file severity kind message line column end_line end_column hint".split()
    assert list(first) == fields
    assert (first["line"], first["column"], first["end_column"]) == (2, 16, 21)


def test_standard_input_is_a_file_too() -> None:
    assert bal("check", "-", "--json", stdin=CHAIN).output == "[]\n"
    assert bal("check", "-", stdin=BROKEN).exit_code == 1


def test_a_tab_keeps_the_caret_in_place() -> None:
    result = bal("check", "-", stdin='a { "goal": "A" }\nchain {\n\ta b\n}\n')
    assert "\n  \ta b\n  \t  ^\n" in result.output


def test_files_that_cannot_be_read_are_wrong_usage(tmp_path: Path) -> None:
    for path in (tmp_path / "none.bal", tmp_path):
        for command in ("check", "fmt", "graph", "run"):
            result = bal(command, str(path))
            assert result.exit_code == 2
            assert result.output.startswith("Error: ")
            assert result.output.count("\n") == 1


def test_bytes_that_are_no_utf_8_are_a_mistake_of_the_program() -> None:
    result = bal("check", "-", "--json", stdin=b'a { goal: "x" }\n  \xff')
    assert result.exit_code == 1
    (found,) = json.loads(result.output)
    assert (found["kind"], found["line"], found["column"]) == ("unexpected_character", 2, 3)
    assert "not valid UTF-8" in bal("check", "-", stdin=b"\xff").output


def test_a_mark_at_the_start_and_a_lone_carriage_return_move_nothing() -> None:
    marked = bal("check", "-", "--json", stdin=b'\xef\xbb\xbfa { goal: "x" } ;')
    assert json.loads(marked.output)[0]["column"] == 17
    lone = bal("check", "-", "--json", stdin=b'a {\r goal: "x" }\r ;')
    assert [(one["line"], one["column"]) for one in json.loads(lone.output)] == [(1, 19)]


def test_a_very_long_line_is_shown_around_the_mistake() -> None:
    result = bal("check", "-", stdin=f'a {{ goal: "{"x" * 5000}" ; n: 1 }}')
    assert "; n: 1 }" in result.output
    assert max(map(len, result.output.splitlines())) < 300


def test_formatting_a_file_and_only_looking(tmp_path: Path) -> None:
    path = tmp_path / "ugly.bal"
    path.write_text('a{"goal":"A"} chain{a}')
    looked = bal("fmt", "--check", str(path))
    assert looked.exit_code == 1
    assert "would change" in looked.output
    assert path.read_text() == 'a{"goal":"A"} chain{a}'
    assert bal("fmt", str(path)).exit_code == 0
    assert bal("fmt", "--check", str(path)).exit_code == 0
    assert bal("fmt", "-", stdin='a{"goal":"A"} chain{a}').output == path.read_text()


def test_what_cannot_be_read_is_not_formatted(tmp_path: Path) -> None:
    path = tmp_path / "open.bal"
    path.write_text('a { "goal": ')
    result = bal("fmt", str(path))
    assert result.exit_code == 1
    assert f"{path}:1:" in result.output
    assert path.read_text() == 'a { "goal": '


def test_the_picture_as_nodes_and_edges(file: Path) -> None:
    drawn = json.loads(bal("graph", str(file), "--json").output)
    assert [node["data"]["name"] for node in drawn["nodes"]] == ["a"]
    assert "baleybot  a" in bal("graph", str(file)).output


def test_bad_text_has_no_picture_but_a_list_of_mistakes() -> None:
    result = CliRunner().invoke(cli, ["bal", "graph", "-", "--json"], input="a {")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "-:1:4: error unexpected_eof" in result.stderr


def test_running_with_canned_answers(tmp_path: Path) -> None:
    program = tmp_path / "two.bal"
    program.write_text('a { "goal": "A" }\nb { "goal": "B" }\nchain { a b }\n')
    replies = tmp_path / "replies.json"
    replies.write_text('{"a": {"append": "!"}, "b": {"wrap": "said"}}')
    words = ["run", str(program), "--replies", str(replies), "--input", "hi"]
    result = bal(*words, "--json")
    assert result.exit_code == 0
    assert json.loads(result.output) == {
        "status": "completed",
        "output": {"said": "hi!"},
        "error": None,
        "calls": [["a", "hi", None], ["b", "hi!", None]],
    }
    assert json.loads(bal(*words).output) == {"said": "hi!"}


def test_running_with_the_demo_model(file: Path) -> None:
    result = bal("run", str(file), "--input", '{"topic": "tea"}', "--json")
    assert result.exit_code == 0
    assert isinstance(json.loads(result.output)["output"]["x"], str)


def test_a_failed_run_is_exit_code_one(tmp_path: Path) -> None:
    program = tmp_path / "fails.bal"
    program.write_text('a { "goal": "A" }\nchain { a }')
    replies = tmp_path / "replies.json"
    replies.write_text('{"a": {"returns": {"$error": "no luck"}}}')
    result = bal("run", str(program), "--replies", str(replies), "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["error"]["entity"] == "a"


def test_a_broken_program_is_shown_before_it_is_run() -> None:
    result = bal("run", "-", stdin=BROKEN)
    assert result.exit_code == 1
    assert "-:2:16: error" in result.output


@pytest.mark.parametrize(
    ("given", "output"),
    [("7", 7), ("plain text", "plain text"), ('"text"', "text"), ("null", None), ("[1]", [1])],
)
def test_inputs_are_json_or_text(tmp_path: Path, given: str, output: object) -> None:
    program = tmp_path / "same.bal"
    program.write_text('processor ("same") { "result" }')
    result = bal("run", str(program), "--input", given, "--json")
    assert json.loads(result.output)["output"] == output
    from_file = tmp_path / "input.txt"
    from_file.write_text(given)
    result = bal("run", str(program), "--input", f"@{from_file}", "--json")
    assert json.loads(result.output)["output"] == output


def test_json_with_a_mistake_is_not_taken_for_text(file: Path) -> None:
    result = bal("run", str(file), "--input", '{"topic": tea}')
    assert result.exit_code == 2
    assert "quotes" in result.output


@pytest.mark.parametrize("given", ["NaN", "[Infinity]", "1e999"])
def test_what_json_cannot_say_does_not_come_out(given: str) -> None:
    result = bal("run", "-", "--input", f"[{given}]", stdin='processor ("p") { "result" }')
    assert result.exit_code == 2


def test_half_a_surrogate_pair_comes_back_as_it_went_in() -> None:
    words = ["run", "-", "--json", "--input", '"\\ud800"']
    result = bal(*words, stdin='processor ("p") { "result" }')
    assert json.loads(result.output)["output"] == "\ud800"


@pytest.mark.parametrize("replies", ["[1]", '{"a": 5}', '{"a": {"sequence": []}}', "not JSON"])
def test_replies_of_another_form_are_wrong_usage(file: Path, tmp_path: Path, replies: str) -> None:
    canned = tmp_path / "replies.json"
    canned.write_text(replies)
    result = bal("run", str(file), "--replies", str(canned), "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
