import pytest

from server.bal.lexer import decode, tokenize
from server.bal.nodes import (
    Bool,
    Call,
    Chain,
    Entity,
    Field,
    FieldList,
    Fields,
    If,
    ListValue,
    Loop,
    Map,
    Name,
    Null,
    Number,
    ObjectValue,
    OnError,
    Parallel,
    Path,
    Program,
    Run,
    Text,
    Use,
    Value,
    Variable,
)
from server.bal.parser import parse
from server.bal.span import Span


def read(source: str) -> Program:
    parsed = parse(source)
    assert parsed.diagnostics == ()
    return parsed.program


def value_of(text: str) -> Value:
    (item,) = read(f"a {{ goal: {text} }}").entities
    return item.properties[0].value


def written(source: str, span: Span) -> str:
    return source[span.start : span.end]


def test_texts_numbers_and_words() -> None:
    assert value_of('"it\\\'s \\u00e9\\n"') == Text("it's é\n")
    assert value_of("'two\r\nlines \\\r\njoined'") == Text("two\nlines joined")
    assert value_of(r"'\ud83d\ude00'") == Text("😀")
    assert value_of("-12") == Number(-12)
    assert value_of(".5e1") == Number(5.0)
    assert value_of("true") == Bool(True)
    assert value_of("null") == Null()
    assert value_of("high") == Name("high")


def test_braces_hold_an_object_or_a_list() -> None:
    (entity,) = read("a { tools: { } can_request: { b, 'c' } x: { } y: { k: [1] } }").entities

    values = [one.value for one in entity.properties]

    assert values[0] == ListValue(())
    assert values[1] == ListValue((Name("b"), Text("c")))
    assert values[2] == ObjectValue(())
    assert isinstance(values[3], ObjectValue)
    assert values[3].entries[0].value == ListValue((Number(1),))


def test_every_step_may_keep_its_value_and_handle_its_error() -> None:
    program = read("chain { a => x on_error skip  b => $y on_error continue with { n: 1 } }")

    (chain,) = program.steps
    assert isinstance(chain, Chain)
    first, second = chain.body.steps
    assert (first.capture, first.on_error) == (Name("x"), OnError("skip"))
    assert second.capture == Variable("y")
    assert second.on_error is not None
    assert second.on_error.action == "continue"


def test_fields_hold_paths_lists_and_fields() -> None:
    (step,) = read("use mail with { to: $user.name, all: [result[0]['odd key'], { n: -1 }] }").steps

    assert isinstance(step, Use)
    assert step.arguments == Fields(
        (
            Field(Name("to"), Path("$user", ("name",))),
            Field(
                Name("all"),
                FieldList(
                    (
                        Path("result", (0, "odd key")),
                        Fields((Field(Name("n"), Number(-1)),)),
                    )
                ),
            ),
        )
    )


def test_settings_labels_and_else_if() -> None:
    program = read(
        """parallel ("concurrency": 2, errors: wait) { "left": a b }
        map (result.items, concurrency: 4) { a }
        loop ("until": "result.ok" max: 3) { a }
        if ("x") { a } else if ("y") { b } else { a b } => kept"""
    )

    parallel, mapped, loop, condition = program.steps
    assert isinstance(parallel, Parallel)
    assert [one.label.value if one.label else None for one in parallel.branches] == ["left", None]
    assert isinstance(mapped, Map)
    assert mapped.source == Path("result", ("items",))
    assert isinstance(loop, Loop)
    assert [one.key.value for one in loop.settings] == ["until", "max"]
    assert isinstance(condition, If)
    assert isinstance(condition.otherwise, If)
    assert condition.capture == Name("kept")
    assert condition.otherwise.capture is None


def test_spans_cover_what_was_written() -> None:
    source = 'a {\r\n\t"goal": "x",\r\n}\r\nchain { a with { t: result.n } => v }\r\nrun([1])'
    program = read(source)

    entity, chain, run = program.items
    assert isinstance(entity, Entity)
    assert written(source, entity.properties[0].span) == '"goal": "x"'
    assert written(source, entity.properties[0].key.span) == '"goal"'
    assert (entity.properties[0].span.line, entity.properties[0].span.column) == (2, 2)
    assert isinstance(chain, Chain)
    call = chain.body.steps[0]
    assert isinstance(call, Call)
    assert written(source, call.span) == "a with { t: result.n } => v"
    assert call.context is not None
    assert written(source, call.context.fields[0].value.span) == "result.n"
    assert isinstance(run, Run)
    assert written(source, run.span) == "run([1])"
    assert (run.span.line, run.span.column, run.span.end_column) == (5, 1, 9)


def test_comments_are_kept_beside_the_tokens() -> None:
    tokens = tokenize("# one\r\na { // two\n goal: '# none' }")

    assert [one.text for one in tokens.comments] == ["# one", "// two"]
    assert [token.value for token in tokens][:4] == ["a", "{", "goal", ":"]


def test_reading_goes_on_after_a_mistake() -> None:
    parsed = parse(
        """a { goal "x" }
b { goal: "y" }
chain { a b => => b
  if (result) { a }
  b
}
c { goal: "z" }
"""
    )

    assert [one.span.line for one in parsed.diagnostics] == [1, 3, 4]
    assert [entity.name.value for entity in parsed.program.entities] == ["b", "c"]
    (chain,) = parsed.program.steps
    assert isinstance(chain, Chain)
    assert len(chain.body.steps) == 2


def test_missing_brace_points_at_the_one_that_was_opened() -> None:
    (found,) = parse("a {\n  goal: 'x'\n").diagnostics

    assert found.kind == "unexpected_eof"
    assert (found.span.line, found.span.column) == (3, 1)
    assert found.related is not None
    assert (found.related.line, found.related.column) == (1, 3)


def test_byte_order_mark_takes_no_column() -> None:  # S53
    (found,) = parse("\ufeff; a { goal: 'x' }").diagnostics

    assert (found.span.line, found.span.column) == (1, 1)


@pytest.mark.parametrize(
    ("source", "kind", "place"),
    [
        ('a\0 { goal: "x" }', "unexpected_character", (1, 2)),
        ('a { goal: "x" }\r\n\u0441hain { a }', "unexpected_character", (2, 1)),
        ('a { goal: "x" }\n\uff43hain { a }', "unexpected_character", (2, 1)),
        ('a\u200b { goal: "x" }', "unexpected_character", (1, 2)),
        ('a {\r\n goal: "x"\n}\r\n;\n', "unexpected_character", (4, 1)),
        ('a { goal: "x }\n', "unterminated_string", (1, 11)),
    ],
)
def test_odd_marks_are_told_where_they_stand(  # S53
    source: str, kind: str, place: tuple[int, int]
) -> None:
    found = parse(source).diagnostics[0]
    assert (found.kind, (found.span.line, found.span.column)) == (kind, place)


def test_byte_that_is_no_utf8_is_told_where_it_stands() -> None:  # S53
    (found,) = parse(decode(b"\xef\xbb\xbfa { goal: 'x \xff' }")).diagnostics

    assert found.kind == "unexpected_character"
    assert (found.span.line, found.span.column) == (1, 14)


def test_text_of_a_program_can_always_be_stored() -> None:
    program = parse("a { goal: 'half \ud83d' }").program

    assert "half" in program.source.encode().decode()
