"""Random programs that follow the grammar (their names and types need not make sense)."""

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "writer", "route", "gate", "filter", "processor", "analytics"])
KEYS = st.sampled_from(["x", "'odd key'", '"if"', "else", "goal2", "$".strip("$") + "y"])
TEXTS = st.sampled_from(
    ['"x"', "'it\\'s'", '"two\nlines"', '"# no comment {"', '"result.n"', '"{{$x.n}}"', '"é"']
)
CONDITIONS = st.sampled_from(
    ['"result.n > 1"', "'$x == \"a\"'", '"length(result) > 0 and not item"', '"{{a.b}} == 1"']
)
NUMBERS = st.sampled_from(["0", "-1", "1.5", ".5", "2e3"])
COMMAS = st.sampled_from([" ", ", ", "\n", ",\n  # a comment\n", " // another\n"])
PATHS = st.sampled_from(["result", "$x", "branch_0.n", "item['odd key'][-1].if", "input[0]"])
TAILS = st.sampled_from(
    ["", " => x", " => $x", " on_error skip", " => run on_error continue with 5"]
)


def joined(items: st.SearchStrategy[str], low: int = 0, high: int = 3) -> st.SearchStrategy[str]:
    pair = st.tuples(items, COMMAS).map("".join)
    return st.lists(pair, min_size=low, max_size=high).map("".join)


def pairs(values: st.SearchStrategy[str], low: int = 0) -> st.SearchStrategy[str]:
    keys = st.lists(st.sampled_from(["x", "'odd key'", "else", '"y"']), unique=True, min_size=low)
    return keys.flatmap(
        lambda chosen: st.tuples(*(values.map(lambda v, k=key: f"{k}: {v}") for key in chosen))
    ).map(", ".join)


VALUES = st.recursive(
    st.one_of(TEXTS, NUMBERS, st.sampled_from(["true", "null", "word"])),
    lambda inner: st.one_of(
        joined(inner).map(lambda text: f"[{text}]"), pairs(inner).map(lambda text: f"{{{text}}}")
    ),
    max_leaves=4,
)
# With commas: `[` after a path would continue it.
FIELDS = st.recursive(
    st.one_of(TEXTS, NUMBERS, PATHS, st.sampled_from(["true", "null"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        pairs(inner).map(lambda text: f"{{{text}}}"),
    ),
    max_leaves=4,
)
BLOCK_OF_FIELDS = pairs(FIELDS, low=1).map(lambda text: f"{{ {text} }}")
CALLS = st.one_of(
    NAMES,
    st.tuples(NAMES, BLOCK_OF_FIELDS).map(lambda pair: f"{pair[0]} with {pair[1]}"),
    st.tuples(NAMES, BLOCK_OF_FIELDS).map(lambda pair: f"use {pair[0]} with {pair[1]}"),
    st.tuples(st.sampled_from(["select", "merge"]), BLOCK_OF_FIELDS).map(" ".join),
    CONDITIONS.map(lambda text: f'processor ("label") {{ {text} }}'),
)


def compositions(steps: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = joined(steps, low=1).map(lambda text: f"{{ {text} }}")
    condition = CONDITIONS
    return st.one_of(
        block.map(lambda body: f"chain {body}"),
        joined(steps, low=1).map(lambda text: f"parallel (errors: wait) {{ {text} }}"),
        steps.map(lambda step: f'parallel {{ "left": {step}, "right": {step} }}'),
        st.tuples(condition, block, block).map(lambda t: f"if ({t[0]}) {t[1]} else {t[2]}"),
        st.tuples(condition, block).map(lambda t: f"if ({t[0]}) {t[1]} else if ({t[0]}) {t[1]}"),
        st.tuples(condition, block).map(lambda t: f'loop ("until": {t[0]}, max: 3) {t[1]}'),
        st.tuples(PATHS, block).map(lambda t: f"map {t[0]} {t[1]}"),
        st.tuples(PATHS, block).map(lambda t: f"map ({t[0]}, concurrency: 2) {t[1]}"),
        st.tuples(condition, block).map(lambda t: f"gate ({t[0]}) {t[1]}"),
        st.tuples(condition, joined(steps)).map(lambda t: f"filter ({t[0]}) {{ {t[1]} }}"),
        st.tuples(block, block).map(
            lambda t: f"try (retries: 1) {t[0]} catch {t[1]} finally {t[0]}"
        ),
        st.tuples(block, steps).map(lambda t: f'route (a) {{ "x": {t[0]}, default: {t[1]} }}'),
        steps.map(lambda step: f'when a {{ "pass": {step} "fail": {step} }}'),
    )


STEPS = st.recursive(
    st.tuples(CALLS, TAILS).map("".join),
    lambda inner: st.tuples(compositions(inner), TAILS).map("".join),
    max_leaves=6,
)
PROPERTIES = st.one_of(
    st.just('"goal": "do it"'),
    st.just("tools: { web_search, 'b' }"),
    st.just('output: { n: number, "list": "array<?string>" }'),
    st.tuples(st.sampled_from(["x", '"y"', "'z z'"]), VALUES).map(": ".join),
)
ENTITIES = st.tuples(NAMES, joined(PROPERTIES)).map(
    lambda pair: f'{pair[0]} {{ goal: "x", {pair[1]} }}'
)
TOP_STEPS = st.one_of(compositions(STEPS), CONDITIONS.map(lambda c: f'processor("n") {{ {c} }}'))


def programs() -> st.SearchStrategy[str]:
    items = st.lists(
        st.tuples(st.one_of(ENTITIES, TOP_STEPS), COMMAS).map("".join), min_size=1, max_size=4
    )
    return st.tuples(
        st.sampled_from(["", "defaults { timeout: 5 }\n", "\ufeff# a comment\r\n"]),
        items.map("\n".join),
        st.sampled_from(["", '\nrun("in")', "\nrun({ x: [1] })"]),
    ).map("".join)
