"""Steps: one reading function for each form of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, NoReturn, TypeVar

from server.bal.cursor import MAX_DEPTH, Abandoned, Cursor
from server.bal.nodes import (
    Arm,
    Block,
    Branch,
    Call,
    Chain,
    Condition,
    Filter,
    Gate,
    If,
    Loop,
    Map,
    Merge,
    Name,
    OnError,
    Parallel,
    Path,
    Processor,
    Route,
    Select,
    Setting,
    Step,
    Text,
    Try,
    Use,
    Variable,
    When,
)
from server.bal.read_settings import read_settings
from server.bal.read_values import (
    check_key,
    is_path_start,
    read_fields,
    read_key,
    read_name,
    read_path,
    read_text,
    read_value,
    read_variable,
)
from server.bal.recovery import resume_in_block
from server.bal.span import Span
from server.bal.suggest import closest, nearest
from server.bal.tokens import NAME, STRING, VARIABLE
from server.bal.vocabulary import CONTEXTUAL, ON_ERROR, RESERVED, STEP_KEYWORDS

_ACTIONS = tuple(word.name for word in ON_ERROR)
_KEYWORDS = tuple(word.name for word in STEP_KEYWORDS)
_CONDITION_HINT = 'A condition stands in quotes, as in ("result.score > 5").'
_T = TypeVar("_T")


class _Tail(NamedTuple):
    """What every step may carry after its own form, and the span of the whole."""

    capture: Name | Variable | None
    on_error: OnError | None
    span: Span


def read_step(cursor: Cursor) -> Step:
    if cursor.kind != NAME:
        _fail_step(cursor)
    word = str(cursor.value)
    reader = _READERS.get(word)
    if reader is not None and (word not in CONTEXTUAL or cursor.peek() == "("):
        return reader(cursor)
    if word in RESERVED:
        cursor.fail("Expected a step")
    if word == "use" and "use" not in cursor.plain:
        return _read_use(cursor)
    return _read_call(cursor)


def is_step_word(cursor: Cursor) -> bool:
    """Whether the word at the cursor opens a step even at the top level."""
    word = cursor.value
    if word in CONTEXTUAL:
        return cursor.peek() == "("
    if word == "use" and "use" not in cursor.plain:
        ahead = cursor.index + 1
        return cursor.kinds[ahead] == NAME and cursor.values[ahead] not in RESERVED
    return word in _READERS


# --- the simple ones -----------------------------------------------------------------------


def _read_call(cursor: Cursor) -> Call:
    first = cursor.index
    entity = read_name(cursor)
    context = None
    if cursor.at_word("with"):
        cursor.take()
        context = read_fields(cursor, "after `with`")
    capture, on_error, span = _read_tail(cursor, first)
    return Call(entity, context, capture=capture, on_error=on_error, span=span)


def _read_use(cursor: Cursor) -> Use:
    first = cursor.take()
    if cursor.kind != NAME or cursor.value in RESERVED:
        cursor.fail("Expected the name of a tool after `use`")
    tool = read_name(cursor)
    arguments = None
    if cursor.at_word("with"):
        cursor.take()
        arguments = read_fields(cursor, "after `with`")
    capture, on_error, span = _read_tail(cursor, first)
    return Use(tool, arguments, capture=capture, on_error=on_error, span=span)


def _read_select(cursor: Cursor) -> Select:
    first = cursor.take()
    fields = read_fields(cursor, "after `select`")
    capture, on_error, span = _read_tail(cursor, first)
    return Select(fields, capture=capture, on_error=on_error, span=span)


def _read_merge(cursor: Cursor) -> Merge:
    first = cursor.take()
    fields = read_fields(cursor, "after `merge`")
    capture, on_error, span = _read_tail(cursor, first)
    return Merge(fields, capture=capture, on_error=on_error, span=span)


def _read_processor(cursor: Cursor) -> Processor:
    first = cursor.take()
    cursor.open("(", "after `processor`")
    cursor.expect(STRING, "as the label of `processor`")
    cursor.index -= 1
    label = read_text(cursor)
    cursor.close("after the label")
    cursor.open("{", 'after `processor("…")`')
    expression = _read_condition_text(cursor, "An expression stands in quotes.")
    cursor.close("after the expression")
    capture, on_error, span = _read_tail(cursor, first)
    return Processor(label, expression, capture=capture, on_error=on_error, span=span)


# --- blocks --------------------------------------------------------------------------------


def _read_chain(cursor: Cursor) -> Chain:
    first = cursor.take()
    body = _read_block(cursor, first)
    capture, on_error, span = _read_tail(cursor, first)
    return Chain(body, capture=capture, on_error=on_error, span=span)


def _read_parallel(cursor: Cursor) -> Parallel:
    first = cursor.take()
    settings: tuple[Setting, ...] = ()
    if cursor.kind == "(":
        settings = read_settings(cursor, first)
    opener = cursor.open("{", "after `parallel`")
    labels: set[str] = set()
    branches = _read_items(cursor, opener, lambda inner: _read_branch(inner, labels))
    if not branches:
        _report_empty(cursor, first)
    capture, on_error, span = _read_tail(cursor, first)
    return Parallel(tuple(branches), settings, capture=capture, on_error=on_error, span=span)


def _read_branch(cursor: Cursor, labels: set[str]) -> Branch:
    first = cursor.index
    label = None
    if cursor.kind == STRING:
        label = read_text(cursor)
        check_key(cursor, labels, label, "label")
        cursor.expect(":", "after the label", "A branch is a step, or a label, `:` and a step.")
    step = read_step(cursor)
    return Branch(label, step, span=cursor.since(first))


def _read_if(cursor: Cursor, rung: int = 0) -> If:
    """Each `else if` counts as one level, because it becomes one in the tree."""
    first = cursor.take()
    if rung + len(cursor.opened) >= MAX_DEPTH:
        cursor.fail_deep(first)
    condition = _read_condition(cursor, "if")
    then = _read_block(cursor, first)
    otherwise = None
    if cursor.at_word("else"):
        keyword = cursor.take()
        if cursor.at_word("if"):
            otherwise = _read_if(cursor, rung + 1)
        else:
            otherwise = _read_block(cursor, keyword)
    if rung:
        return If(condition, then, otherwise, span=cursor.since(first))
    capture, on_error, span = _read_tail(cursor, first)
    return If(condition, then, otherwise, capture=capture, on_error=on_error, span=span)


def _read_gate(cursor: Cursor) -> Gate:
    first = cursor.take()
    condition = _read_condition(cursor, "gate")
    body = _read_block(cursor, first)
    capture, on_error, span = _read_tail(cursor, first)
    return Gate(condition, body, capture=capture, on_error=on_error, span=span)


def _read_filter(cursor: Cursor) -> Filter:
    first = cursor.take()
    condition = _read_condition(cursor, "filter")
    body = _read_block(cursor, None)
    capture, on_error, span = _read_tail(cursor, first)
    return Filter(condition, body, capture=capture, on_error=on_error, span=span)


def _read_loop(cursor: Cursor) -> Loop:
    first = cursor.take()
    settings = read_settings(cursor, first)
    if not any(setting.key.value in ("until", "max") for setting in settings):
        cursor.report(
            "loop_bounds",
            "This loop says neither when to stop nor how often to run.",
            cursor.span(first),
            'Write loop("until": "result.done", "max": 5) { … }.',
        )
    body = _read_block(cursor, first)
    capture, on_error, span = _read_tail(cursor, first)
    return Loop(settings, body, capture=capture, on_error=on_error, span=span)


def _read_map(cursor: Cursor) -> Map:
    first = cursor.take()
    settings: tuple[Setting, ...] = ()
    if cursor.kind == "(":
        opener = cursor.open("(", "after `map`")
        source = _read_source(cursor)
        cursor.skip_if(",")
        settings = read_settings(cursor, first, opener)
    else:
        source = _read_source(cursor)
    body = _read_block(cursor, first)
    capture, on_error, span = _read_tail(cursor, first)
    return Map(source, body, settings, capture=capture, on_error=on_error, span=span)


def _read_source(cursor: Cursor) -> Path | Text:
    if cursor.kind == STRING:
        return read_text(cursor)
    if not is_path_start(cursor):
        cursor.fail("Expected the path of a list after `map`", "As in `map result.items { … }`.")
    return read_path(cursor)


def _read_try(cursor: Cursor) -> Try:
    first = cursor.take()
    settings: tuple[Setting, ...] = ()
    if cursor.kind == "(":
        settings = read_settings(cursor, first)
    body = _read_block(cursor, first)
    catch = _read_block(cursor, cursor.take()) if cursor.at_word("catch") else None
    final = _read_block(cursor, cursor.take()) if cursor.at_word("finally") else None
    retries = any(setting.key.value == "retries" for setting in settings)
    if body.steps and catch is None and final is None and not retries:
        cursor.report(
            "empty_composition",
            "This `try` has neither catch nor finally nor retries, so it does nothing.",
            cursor.span(first),
            "Add `catch { … }` after it.",
        )
    capture, on_error, span = _read_tail(cursor, first)
    return Try(body, settings, catch, final, capture=capture, on_error=on_error, span=span)


def _read_route(cursor: Cursor) -> Route:
    first = cursor.take()
    cursor.open("(", "after `route`")
    classifier: Name | Condition
    if cursor.kind == STRING:
        classifier = Condition(read_text(cursor), span=cursor.span(cursor.index - 1))
    elif cursor.kind == NAME and cursor.value not in RESERVED:
        classifier = read_name(cursor)
    else:
        cursor.fail("Expected an entity's name or a quoted condition after `route (`")
    cursor.close("after the classifier", 'Anything but a name stands in quotes: "result.kind".')
    opener = cursor.open("{", "after `route (…)`")
    seen: set[str] = set()
    arms = _read_items(cursor, opener, lambda inner: _read_route_arm(inner, seen, first))
    if not arms:
        _report_empty(cursor, first)
    capture, on_error, span = _read_tail(cursor, first)
    return Route(classifier, tuple(arms), capture=capture, on_error=on_error, span=span)


def _read_route_arm(cursor: Cursor, seen: set[str], keyword: int) -> Arm:
    first = cursor.index
    key = read_key(cursor, "of a route")
    check_key(cursor, seen, key, "key")
    cursor.expect(":", "after the key of the arm", "An arm is a key, `:` and a step or a block.")
    body = _read_block(cursor, keyword) if cursor.kind == "{" else read_step(cursor)
    return Arm(key, body, span=cursor.since(first))


def _read_when(cursor: Cursor) -> When:
    first = cursor.take()
    if cursor.kind != NAME or cursor.value in RESERVED:
        cursor.fail("Expected an entity's name after `when`")
    entity = read_name(cursor)
    opener = cursor.open("{", "after the entity of `when`")
    seen: set[str] = set()
    arms = _read_items(cursor, opener, lambda inner: _read_when_arm(inner, seen))
    if not arms:
        _report_empty(cursor, first)
    capture, on_error, span = _read_tail(cursor, first)
    return When(entity, tuple(arms), capture=capture, on_error=on_error, span=span)


def _read_when_arm(cursor: Cursor, seen: set[str]) -> Arm:
    first = cursor.index
    if cursor.kind != STRING or cursor.value not in ("pass", "fail"):
        cursor.fail('Expected the key "pass" or "fail"', "For other keys there is `route`.")
    key = read_text(cursor)
    check_key(cursor, seen, key, "key")
    cursor.expect(":", "after the key of the arm")
    return Arm(key, read_step(cursor), span=cursor.since(first))


# --- parts ---------------------------------------------------------------------------------


def _read_block(cursor: Cursor, keyword: int | None) -> Block:
    """`keyword` is blamed when the block is empty; None allows that."""
    opener = cursor.open("{", "before the steps", "Steps stand in braces: { … }.")
    steps = _read_items(cursor, opener, read_step)
    if not steps and keyword is not None:
        _report_empty(cursor, keyword)
    return Block(tuple(steps), span=cursor.since(opener))


def _read_items(cursor: Cursor, opener: int, read: Callable[[Cursor], _T]) -> list[_T]:
    """Items up to the closing brace, each with an optional comma after it. A mistake in one
    does not keep the next from being read."""
    items: list[_T] = []
    broken = False
    while cursor.kind != "}":
        try:
            items.append(read(cursor))
            cursor.skip_if(",")
        except Abandoned:
            broken = True
            resume_in_block(cursor, opener)
    cursor.close("at the end of the block")
    if broken and not items:
        raise Abandoned
    return items


def _report_empty(cursor: Cursor, keyword: int) -> None:
    word = cursor.values[keyword]
    message = f"`{word}` has no steps between its braces."
    hint = "Name at least one entity there, or leave it out."
    cursor.report("empty_composition", message, cursor.span(keyword), hint)


def _read_condition(cursor: Cursor, word: str) -> Condition:
    cursor.open("(", f"after `{word}`", _CONDITION_HINT)
    condition = _read_condition_text(cursor, _CONDITION_HINT)
    cursor.close("after the condition")
    return condition


def _read_condition_text(cursor: Cursor, hint: str) -> Condition:
    if cursor.kind != STRING:
        cursor.fail("Expected a quoted text", hint)
    text = read_text(cursor)
    return Condition(text, span=text.span)


def _read_tail(cursor: Cursor, first: int) -> _Tail:
    capture: Name | Variable | None = None
    on_error: OnError | None = None
    if cursor.skip_if("=>"):
        if cursor.kind == VARIABLE:
            capture = read_variable(cursor)
        elif cursor.kind == NAME:
            capture = read_name(cursor)
        else:
            cursor.fail("Expected the name under which the value is kept after `=>`")
    if cursor.at_keyword("on_error"):
        on_error = _read_on_error(cursor)
        if cursor.kind == "=>":
            cursor.fail("Expected the next step", "`=> name` stands before `on_error`.")
    return _Tail(capture, on_error, cursor.since(first))


def _read_on_error(cursor: Cursor) -> OnError:
    first = cursor.take()
    action = str(cursor.value)
    if cursor.kind != NAME or action not in _ACTIONS:
        hint = closest(action, _ACTIONS) if cursor.kind == NAME else None
        cursor.fail("Expected stop, skip, pause or continue after `on_error`", hint)
    cursor.take()
    if action != "continue":
        return OnError(action, span=cursor.since(first))
    if not cursor.at_word("with"):
        cursor.fail("Expected `with` and a value after `continue`")
    cursor.take()
    value = read_value(cursor, "after `continue with`")
    return OnError(action, value, span=cursor.since(first))


def _fail_step(cursor: Cursor) -> NoReturn:
    """A definition inside a block is most often the sign of a brace that was not closed."""
    before = cursor.index - 1
    if cursor.kind == "{" and cursor.kinds[before] == NAME and cursor.opened:
        if cursor.tokens.is_first_on_line(before) and not nearest(
            str(cursor.values[before]), _KEYWORDS
        ):
            opener = cursor.opened[-1]
            open_brace = cursor.unclosed(opener, "the")
            hint = f"If `{cursor.values[before]}` is the next entity, {open_brace}"
            cursor.fail("Expected a step", hint, opener)
    cursor.fail("Expected a step", _step_hint(cursor))


def _step_hint(cursor: Cursor) -> str | None:
    if cursor.kind == VARIABLE:
        return "A step is an entity's name; a variable is read in `with`, `select` or a condition."
    if cursor.kind == "=>":
        return "Steps follow each other without a mark; `=>` keeps the value of the step before it."
    before = cursor.index - 1
    if cursor.kind in ("{", "(") and cursor.kinds[before] == NAME:
        meant = closest(str(cursor.values[before]), _KEYWORDS)
        if meant or cursor.kind == "(":
            return meant
        return "An entity is defined at the top level; inside a composition stands only its name."
    if cursor.kind == ":" and cursor.kinds[before] == NAME:
        return f'A label stands in quotes and in `parallel`: "{cursor.values[before]}": …'
    if cursor.kind == STRING and cursor.peek() == ":":
        return "Labels stand in `parallel`, `route` and `when`."
    if cursor.kind == STRING:
        return "An entity's name stands without quotes."
    return None


_READERS: dict[str, Callable[[Cursor], Step]] = {
    "chain": _read_chain,
    "parallel": _read_parallel,
    "if": _read_if,
    "loop": _read_loop,
    "map": _read_map,
    "select": _read_select,
    "merge": _read_merge,
    "try": _read_try,
    "when": _read_when,
    "route": _read_route,
    "gate": _read_gate,
    "filter": _read_filter,
    "processor": _read_processor,
}
