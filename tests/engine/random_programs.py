"""Programs that nobody wrote: any construct inside any other, and any canned answer."""

from __future__ import annotations

from hypothesis import strategies as st

LEAVES = st.sampled_from(
    ["a", "b", "c => x", "a with { k: $x, i: item }", "b on_error skip", "c on_error pause",
     "a on_error continue with { n: 1 }", "use t with { m: '{{result.n}} {{a}}' }", "use missing",
     'processor("p") { "result.n + 1" }', 'select { n: result.n, x: "$x" }',
     'merge { l: "branch_0", r: left }']
)  # fmt: skip


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    blocks = st.lists(inner, min_size=1, max_size=3).map(" ".join)
    conditions = st.sampled_from(["result.n > 1", "$x", "item == 1", "result"])
    return st.one_of(
        blocks.map(lambda body: f"chain {{ {body} }}"),
        st.tuples(st.sampled_from(["stop", "wait", "collect"]), blocks).map(
            lambda p: f"parallel (errors: {p[0]}) {{ {p[1]} }}"
        ),
        st.tuples(conditions, blocks, blocks).map(
            lambda p: f'if ("{p[0]}") {{ {p[1]} }} else {{ {p[2]} }}'
        ),
        st.tuples(conditions, blocks).map(lambda p: f'gate ("{p[0]}") {{ {p[1]} }}'),
        st.tuples(conditions, blocks).map(
            lambda p: f'loop ("until": "{p[0]}", "max": 2) {{ {p[1]} }}'
        ),
        st.tuples(st.sampled_from(["stop", "skip", "collect"]), blocks).map(
            lambda p: f"map (result.list, errors: {p[0]}) {{ {p[1]} }}"
        ),
        st.tuples(conditions, blocks).map(lambda p: f'filter ("{p[0]}") {{ {p[1]} }}'),
        st.tuples(blocks, blocks, blocks).map(
            lambda p: f'try ("retries": 1) {{ {p[0]} }} catch {{ {p[1]} }} finally {{ {p[2]} }}'
        ),
        st.tuples(blocks, blocks).map(
            lambda p: f'route (a) {{ "x": {{ {p[0]} }} default: {{ {p[1]} }} }}'
        ),
        st.tuples(inner, inner).map(lambda p: f'when b {{ "pass": {p[0]} "fail": {p[1]} }}'),
    )


ENTITIES = 'a { goal: "g" } b { goal: "g" } c { goal: "g" }'
PROGRAMS = st.recursive(LEAVES, containers, max_leaves=10).map(
    lambda step: f"{ENTITIES}\nchain {{ {step} }}"
)
ANSWERS = st.sampled_from(
    [1, "x", "yes", None, {"n": 2}, {"list": [1, 2]}, [1, 2], {"$error": "no"}, '{"n": 5}']
)
REPLIES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "t"]), st.lists(ANSWERS, min_size=1, max_size=3)
)
