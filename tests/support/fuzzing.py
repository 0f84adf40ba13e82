"""How schemathesis makes values of our scalars; loaded by it, named in SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=80)
PROGRAMS = st.one_of(TEXT, st.just('writer { "goal": "Sum up" }'))
MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str)
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
LENGTHS = st.integers(0, 400).map(lambda days: f"P{days}D")
VALUES = st.one_of(TEXT.map(nodes.String), st.integers().map(nodes.Int), st.just(nodes.Null))

for name, made in {
    "BalSource": PROGRAMS.map(nodes.String),
    "BigInt": st.integers(-(2**53), 2**53).map(nodes.Int),
    "Cursor": TEXT.map(nodes.String),
    "DateTime": MOMENTS.map(nodes.String),
    "Decimal": MONEY.map(nodes.String),
    "Duration": LENGTHS.map(nodes.String),
    "JSON": VALUES,
}.items():
    schemathesis.graphql.scalar(name, made)
