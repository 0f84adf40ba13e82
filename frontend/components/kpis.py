"""A strip of numbers with what they speak of."""

from dataclasses import dataclass, field
from typing import Any

from reactpy import Vdom, html
from reactpy.types import VdomDict

_polyline = Vdom("polyline")


@dataclass(frozen=True)
class Kpi:
    name: str
    value: str
    note: str
    line: list[int] = field(default_factory=lambda: [])


def kpi_strip(*kpis: Kpi) -> VdomDict:
    return html.dl({"className": "kpis"}, *[_kpi(kpi) for kpi in kpis])


def _kpi(kpi: Kpi) -> VdomDict:
    return html.div(
        {"key": kpi.name},
        html.dt(kpi.name),
        html.dd(html.strong(kpi.value), html.small(kpi.note), _spark(kpi.line)),
    )


def _spark(line: list[int]) -> Any:
    if not any(line):
        return ""
    top = max(line)
    last = len(line) - 1
    points = " ".join(
        f"{100 * n / last:.1f},{26 - 24 * value / top:.1f}" for n, value in enumerate(line)
    )
    return html.svg(
        {
            "className": "spark",
            "viewBox": "0 0 100 28",
            "preserveAspectRatio": "none",
            "aria-hidden": "true",
        },
        _polyline({"points": f"0,28 {points} 100,28", "className": "area"}),
        _polyline({"points": points, "className": "line"}),
    )
