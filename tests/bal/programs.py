"""Programs made up from the grammar: every construct, nested, in any mix.

`programs()` gives trees that print to a text the parser must accept; `commented(text, seed)` strews
comments over a text. A seed and a size decide everything, so hypothesis shrinks to small
programs and a program costs a millisecond (drawing every node from hypothesis cost a second).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any, Final

from hypothesis import strategies as st

from server.bal.nodes import (
    Analytics,
    Arm,
    Block,
    Bool,
    Branch,
    Call,
    Chain,
    Condition,
    Defaults,
    Entity,
    Entry,
    Field,
    FieldList,
    Fields,
    Filter,
    Gate,
    If,
    ListValue,
    Loop,
    Map,
    Merge,
    Name,
    Null,
    Number,
    ObjectValue,
    OnError,
    Parallel,
    Path,
    Processor,
    Program,
    Property,
    Route,
    Run,
    Select,
    Setting,
    Step,
    Text,
    Try,
    Use,
    Variable,
    When,
)

NAMES: Final = ("writer", "editor", "judge", "route_maker", "filter", "x", "B2")
ODD: Final = "aZ_ 09.,:;{}[]()#/\\\"'\n\t$%äß日😀\x00\x1f"
CONDITIONS: Final = (
    "result.score > 5",
    "result.kind == 'bug' and not result.done",
    "length(result.items) >= 3 || $draft.ok",
    "item.price * 2 < 10",
)
KEYS: Final = ("title", "score", "max", "if", "x1", "text_of_it")
TYPES: Final = ("string", "number", "boolean", "enum('a', 'b')", "?any", "array<object { a: any }>")


def programs(size: int = 12) -> st.SearchStrategy[Program]:
    """Every name is defined, a chain follows. `size` bounds the number of steps."""
    return st.builds(make_program, st.integers(0, 1 << 32), st.integers(1, size))


def make_program(seed: int, size: int) -> Program:
    return Maker(Random(seed), size).program()


class Maker:
    """Spends its `size` on steps; when it is spent only leaves grow."""

    def __init__(self, random: Random, size: int) -> None:
        self.random = random
        self.size = size
        self.compounds: tuple[Callable[[dict[str, Any]], Step], ...] = (
            lambda tail: Chain(self.block(), **tail),
            lambda tail: Parallel(self.branches(), self.fan_settings("wait"), **tail),
            lambda tail: If(self.condition(), self.block(), self.otherwise(), **tail),
            lambda tail: Gate(self.condition(), self.block(), **tail),
            lambda tail: Filter(self.condition(), self.block(least=0), **tail),
            lambda tail: Loop(self.bounds(), self.block(), **tail),
            lambda tail: Map(self.map_source(), self.block(), self.fan_settings("skip"), **tail),
            lambda tail: Try(self.block(), self.retries(), self.block(), **tail),
            lambda tail: Route(self.classifier(), self.arms(), **tail),
            lambda tail: When(self.name(), self.verdicts(), **tail),
        )

    # --- small things --------------------------------------------------------------------------

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def name(self) -> Name:
        return Name(self.random.choice(NAMES))

    def text(self) -> Text:
        length = self.random.choice((0, 1, 3, 8, 40, 110))
        return Text("".join(self.random.choices(ODD, k=length)))

    def word(self, text: str) -> Text | Name:
        return Name(text) if self.chance(3) and text.isidentifier() else Text(text)

    def number(self) -> Number:
        number = self.random.choice((0, 7, -3, 10**12, 0.5, -2.25, 1e-9, 1.5e300))
        return Number(number)

    def keys(self) -> list[str]:
        return self.random.sample(KEYS, self.random.randrange(4))

    def scalar(self) -> Any:
        kinds = (self.text, self.number, lambda: Bool(self.chance(2)), Null, self.name)
        return self.random.choice(kinds)()

    def value(self, depth: int = 0) -> Any:
        if depth > 2 or not self.chance(3):
            return self.scalar()
        if self.chance(2):
            return ListValue(tuple(self.value(depth + 1) for _ in self.keys()))
        return ObjectValue(
            tuple(Entry(self.word(key), self.value(depth + 1)) for key in self.keys())
        )

    def path(self) -> Path:
        root = self.random.choice(("result", "input", "item", "branch_0", "$draft", "summary"))
        parts = ("title", "if", "odd key", "a.b", "it's", 'q"', 0, 3, -1)
        return Path(root, tuple(self.random.choices(parts, k=self.random.randrange(3))))

    def field(self, depth: int = 0) -> Any:
        if depth > 1 or not self.chance(4):
            kinds = (self.path, self.text, self.number, lambda: Bool(self.chance(2)), Null)
            return self.random.choice(kinds)()
        if self.chance(2):
            return FieldList(tuple(self.field(depth + 1) for _ in self.keys()))
        return self.fields(depth + 1, least=0)

    def fields(self, depth: int = 0, least: int = 1) -> Fields:
        keys = self.keys() or list(KEYS[:least])
        return Fields(tuple(Field(self.word(key), self.field(depth)) for key in keys))

    def condition(self) -> Condition:
        return Condition(Text(self.random.choice(CONDITIONS)))

    # --- steps ---------------------------------------------------------------------------------

    def step(self) -> Step:
        self.size -= 1
        if self.size > 0 and self.chance(2):
            return self.random.choice(self.compounds)(self.tail())
        return self.leaf()

    def leaf(self) -> Step:
        tail = self.tail()
        return self.random.choice(
            (
                lambda: Call(self.name(), self.fields() if self.chance(3) else None, **tail),
                lambda: Call(self.name(), **tail),
                lambda: Use(Name("web_search"), self.fields(), **tail),
                lambda: Select(self.fields(), **tail),
                lambda: Merge(self.fields(), **tail),
                lambda: Processor(self.text(), self.condition(), **tail),
            )
        )()

    def tail(self) -> dict[str, Any]:
        tail: dict[str, Any] = {}
        if self.chance(4):
            tail["capture"] = self.random.choice((Variable("draft"), Name("report")))
        if self.chance(6):
            action = self.random.choice(("stop", "skip", "pause"))
            tail["on_error"] = OnError(action) if self.chance(2) else self.go_on()
        return tail

    def go_on(self) -> OnError:
        return OnError("continue", self.value())

    def block(self, least: int = 1) -> Block:
        return Block(tuple(self.step() for _ in range(self.random.randint(least, 3))))

    def maybe_block(self) -> Block | None:
        return self.block() if self.chance(2) else None

    def otherwise(self) -> Block | If | None:
        if self.chance(3):
            return If(self.condition(), self.block(), self.maybe_block())
        return self.maybe_block()

    def branches(self) -> tuple[Branch, ...]:
        labels = self.random.sample(("left", "right", "odd label"), 3)
        return tuple(
            Branch(Text(label) if self.chance(2) else None, self.step())
            for label in labels[: self.random.randint(1, 3)]
        )

    def fan_settings(self, word: str) -> tuple[Setting, ...]:
        settings = [
            Setting(Name("concurrency"), Number(4)),
            Setting(Text("errors"), self.random.choice((Name("collect"), Text(word)))),
        ]
        return tuple(settings[: self.random.randrange(3)])

    def bounds(self) -> tuple[Setting, ...]:
        settings = [Setting(self.word("max"), Number(3))]
        if self.chance(2):
            settings.append(Setting(self.word("until"), self.condition()))
        return tuple(settings)

    def retries(self) -> tuple[Setting, ...]:
        return (Setting(self.word("retries"), Number(2)),) if self.chance(2) else ()

    def map_source(self) -> Path | Text:
        return Text("sort(result.items)") if self.chance(3) else Path("result", ("items",))

    def classifier(self) -> Name | Condition:
        return self.name() if self.chance(2) else self.condition()

    def arms(self) -> tuple[Arm, ...]:
        keys = self.keys() or ["default"]
        return tuple(
            Arm(self.word(key), self.step() if self.chance(2) else self.block()) for key in keys
        )

    def verdicts(self) -> tuple[Arm, ...]:
        words = self.random.choice((("pass",), ("fail",), ("pass", "fail")))
        return tuple(Arm(Text(word), self.step()) for word in words)

    # --- definitions ---------------------------------------------------------------------------

    def program(self) -> Program:
        items: list[Any] = []
        if self.chance(4):
            items.append(Defaults(ObjectValue((Entry(self.word("model"), Text("gpt-4o")),))))
        items.extend(self.entity(name) for name in NAMES)
        if self.chance(4):
            compare = Entry(Text("compare"), Text("day_over_day"))
            items.append(Analytics(ObjectValue((compare,))))
        items.append(Chain(self.block()))
        if self.chance(2):
            items.append(Run(self.value()))
        return Program(tuple(items))

    def entity(self, name: str) -> Entity:
        choices: tuple[tuple[str, Any], ...] = (
            ("goal", Text(f"Do {self.text().value}")),
            ("model", Text(self.random.choice(("openai:gpt-4o", "gpt-4o-mini")))),
            ("tools", self.tools()),
            ("can_request", self.tools()),
            ("output", self.types()),
            ("temperature", Number(self.random.choice((0, 0.7, 2)))),
            ("max_tokens", Number(200)),
            ("description", self.text()),
            ("trigger", Text(self.random.choice(("manual", "schedule:daily@9am")))),
            ("system", self.value()),
        )
        kept = [pair for pair in choices if pair[0] == "goal" or self.chance(4)]
        self.random.shuffle(kept)
        return Entity(Name(name), tuple(Property(self.word(key), held) for key, held in kept))

    def tools(self) -> Any:
        names = self.random.sample(("web_search", "fetch_url", "store_memory"), 2)
        if self.chance(3):
            return self.word(names[0])
        return ListValue(tuple(self.word(name) for name in names[: self.random.randrange(3)]))

    def types(self, depth: int = 0) -> ObjectValue:
        def held() -> Any:
            return self.types(1) if depth == 0 and self.chance(4) else self.word(self.type_word())

        return ObjectValue(tuple(Entry(self.word(key), held()) for key in self.keys()))

    def type_word(self) -> str:
        return self.random.choice(TYPES)


_QUOTED: Final = re.compile(r"(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')", re.DOTALL)


def commented(text: str, seed: int) -> str:
    """With comments at line ends, on lines of their own and between words, each one different."""
    random = Random(seed)
    one_in = random.choice((3, 10, 40))
    out: list[str] = []
    for number, piece in enumerate(_QUOTED.split(text)):
        if number % 2:
            out.append(piece)
            continue
        for word in re.split(r"([ \n]+)", piece):
            out.append(word)
            if word.isspace() and random.randrange(one_in) == 0:
                own = random.choice(("", "\n", "\n\n", "\n\n\n"))
                mark = random.choice(("#", "//"))
                out.append(f" {own}{mark} remark {len(out)} {{ \"it's\n{own}")
    return "".join(out)
