"""What is measured: the `analytics` block as data, its mistakes, and the alert rule."""

from __future__ import annotations

import re
from dataclasses import dataclass

from server.bal.expressions import ExpressionError, parse_expression
from server.bal.findings import Findings
from server.bal.nodes import Entry, ListValue, Name, Number, ObjectValue, Text, Value
from server.bal.vocabulary import ANALYTICS_PROPERTIES, CANONICAL_KEY

METRIC_TYPES = ("count", "average", "distribution", "trend", "percentage", "top_n")
COMPARISONS = ("day_over_day", "week_over_week", "month_over_month")
DEFAULT_METRICS = ("total_executions", "success_rate", "avg_duration")
RUN_FIELDS = ("status", "duration_ms", "cost", "tokens")
MOST_TOP = 100

_ITEM_KEYS = ("name", "type", "field", "condition", "n", "description")
_NEEDS_FIELD = ("average", "distribution", "trend", "top_n")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ALERT = re.compile(
    r"\s*([A-Za-z_][A-Za-z0-9_.]*)\s*(<=|>=|==|!=|=|<|>)\s*(-?(?:\d+(?:\.\d+)?|\.\d+))\s*(%?)\s*"
)
_JOIN = re.compile(r"(and|or|&&|\|\|)(?![A-Za-z0-9_])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    type: str
    field: str | None = None
    condition: str | None = None
    n: int | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class AlertTerm:
    """One comparison; `joined` is how it hangs on the one before it (and, or, or empty)."""

    metric: str
    operator: str
    number: float
    joined: str = ""


@dataclass(frozen=True, slots=True)
class AnalyticsSpec:
    metrics: tuple[Metric, ...] = ()
    compare: str | None = None
    alert: tuple[AlertTerm, ...] = ()
    alert_text: str | None = None


def read_analytics(value: Value, findings: Findings) -> AnalyticsSpec:
    if not isinstance(value, ObjectValue):
        hint = 'As in { "track": [{ "name": "answers", "type": "count" }] }.'
        findings.error("invalid_analytics", "`analytics` is a block.", value, hint)
        return AnalyticsSpec()
    entries = _known_entries(value, findings)
    metrics = _read_track(entries.get("track"), findings)
    known = {*(metric.name for metric in metrics), *DEFAULT_METRICS, *RUN_FIELDS}
    alert_text, alert = _read_alert(entries.get("alert_when"), known, findings)
    compare = _read_compare(entries.get("compare"), findings)
    return AnalyticsSpec(metrics, compare, alert, alert_text)


def _known_entries(block: ObjectValue, findings: Findings) -> dict[str, Entry]:
    names = [word.name for word in ANALYTICS_PROPERTIES]
    entries: dict[str, Entry] = {}
    for entry in block.entries:
        name = CANONICAL_KEY.get(entry.key.value, entry.key.value)
        if name not in names:
            message = f"`{name}` is no key of `analytics`."
            findings.warning("unknown_property", message, entry.key, findings.meant(name, names))
        elif name in entries:
            message = f"`{name}` stands here twice."
            findings.error("duplicate_key", message, entry.key)
        else:
            entries[name] = entry
    return entries


def _read_track(entry: Entry | None, findings: Findings) -> tuple[Metric, ...]:
    if entry is None:
        return ()
    if not isinstance(entry.value, ListValue):
        message = "`track` is a list of metrics."
        hint = 'As in [{ "name": "answers", "type": "count" }].'
        findings.error("invalid_analytics", message, entry.value, hint)
        return ()
    metrics: list[Metric] = []
    seen: set[str] = set()
    for item in entry.value.items:
        metric = _read_metric(item, seen, findings)
        if metric is not None:
            metrics.append(metric)
    return tuple(metrics)


def _read_metric(item: Value, seen: set[str], findings: Findings) -> Metric | None:
    if not isinstance(item, ObjectValue):
        findings.error("invalid_analytics", "A metric is an object with name and type.", item)
        return None
    entries = {entry.key.value: entry for entry in item.entries}
    for key, entry in entries.items():
        if key not in _ITEM_KEYS:
            message = f"`{key}` is no key of a metric."
            findings.warning(
                "unknown_property", message, entry.key, findings.meant(key, _ITEM_KEYS)
            )
    name = _metric_name(item, entries, seen, findings)
    kind = _metric_type(item, entries, findings)
    if name is None or kind is None:
        return None
    return Metric(
        name,
        kind,
        _metric_field(kind, item, entries, findings),
        _metric_condition(kind, item, entries, findings),
        _metric_n(kind, item, entries, findings),
        _text(entries.get("description"), findings),
    )


def _metric_name(
    item: ObjectValue, entries: dict[str, Entry], seen: set[str], findings: Findings
) -> str | None:
    entry = entries.get("name")
    if entry is None:
        findings.error("invalid_analytics", "This metric has no `name`.", item)
        return None
    name = _text(entry, findings)
    if name is None:
        return None
    if not _NAME.fullmatch(name):
        hint = "A small letter, then small letters, digits and `_`."
        findings.error("invalid_analytics", f"`{name}` is no metric name.", entry.value, hint)
        return None
    if name in seen:
        message = f"The metric `{name}` is defined twice."
        findings.error("invalid_analytics", message, entry.value)
    seen.add(name)
    return name


def _metric_type(item: ObjectValue, entries: dict[str, Entry], findings: Findings) -> str | None:
    entry = entries.get("type")
    if entry is None:
        hint = f"It is one of {', '.join(METRIC_TYPES)}."
        findings.error("invalid_analytics", "This metric has no `type`.", item, hint)
        return None
    kind = _text(entry, findings)
    if kind is None or kind in METRIC_TYPES:
        return kind
    hint = findings.meant(kind, METRIC_TYPES) or f"It is one of {', '.join(METRIC_TYPES)}."
    findings.error("invalid_analytics", f"`{kind}` is no type of metric.", entry.value, hint)
    return None


def _metric_field(
    kind: str, item: ObjectValue, entries: dict[str, Entry], findings: Findings
) -> str | None:
    entry = entries.get("field")
    if kind == "count" and entry is not None:
        message = "`count` counts runs; its `field` is ignored."
        findings.warning("invalid_analytics", message, entry.key)
        return None
    if entry is None and kind in _NEEDS_FIELD:
        findings.error("invalid_analytics", f"`{kind}` needs a `field`.", item)
    return _text(entry, findings)


def _metric_condition(
    kind: str, item: ObjectValue, entries: dict[str, Entry], findings: Findings
) -> str | None:
    entry = entries.get("condition")
    if entry is None:
        if kind == "percentage":
            hint = 'As in "condition": "status = \'completed\'".'
            findings.error("invalid_analytics", "`percentage` needs a `condition`.", item, hint)
        return None
    text = _text(entry, findings)
    if text is None:
        return None
    found = parse_expression(text, analytics=True)
    if isinstance(found, ExpressionError):
        place = findings.inside(entry.value, found.offset, found.end)
        findings.error("invalid_analytics", found.message, place, found.hint)
        return None
    return text


def _metric_n(
    kind: str, item: ObjectValue, entries: dict[str, Entry], findings: Findings
) -> int | None:
    entry = entries.get("n")
    if entry is None:
        if kind == "top_n":
            findings.error("invalid_analytics", "`top_n` needs `n`.", item, "As in n: 10.")
        return None
    number = entry.value.value if isinstance(entry.value, Number) else 0
    if number < 1 or number != int(number):
        findings.error("invalid_analytics", "`n` is a whole number from 1.", entry.value)
        return None
    if number > MOST_TOP:
        message = f"More than {MOST_TOP} values are hard to read."
        findings.warning("invalid_analytics", message, entry.key)
    return int(number)


def _read_compare(entry: Entry | None, findings: Findings) -> str | None:
    if entry is None:
        return None
    text = entry.value.value if isinstance(entry.value, Text | Name) else ""
    if text in COMPARISONS:
        return text
    hint = findings.meant(text, COMPARISONS)
    message = f"`compare` is one of {', '.join(COMPARISONS)}."
    findings.error("invalid_analytics", message, entry.value, hint)
    return None


def _read_alert(
    entry: Entry | None, known: set[str], findings: Findings
) -> tuple[str | None, tuple[AlertTerm, ...]]:
    text = _text(entry, findings)
    if entry is None or text is None:
        return None, ()
    terms: list[AlertTerm] = []
    position, joined = 0, ""
    while match := _ALERT.match(text, position):
        _check_metric(match, known, entry, findings)
        operator = "==" if match[2] == "=" else match[2]
        terms.append(AlertTerm(match[1], operator, float(match[3]), joined))
        position = match.end()
        if position == len(text):
            return text, tuple(terms)
        join = _JOIN.match(text, position)
        if join is None:
            break
        joined = {"&&": "and", "||": "or"}.get(join[1], join[1].lower())
        position = join.end()
    place = findings.inside(entry.value, min(position, max(0, len(text) - 1)), len(text))
    hint = 'As in "success_rate < 90% or avg_duration > 5000".'
    message = "An alert is a metric, a comparison and a number."
    findings.error("invalid_analytics", message, place, hint)
    return None, ()


def _check_metric(match: re.Match[str], known: set[str], entry: Entry, findings: Findings) -> None:
    if match[1] in known:
        return
    place = findings.inside(entry.value, match.start(1), match.end(1))
    message = f"No metric is called `{match[1]}`."
    findings.warning("invalid_analytics", message, place, findings.meant(match[1], sorted(known)))


def _text(entry: Entry | None, findings: Findings) -> str | None:
    if entry is None:
        return None
    if isinstance(entry.value, Text | Name):
        return entry.value.value
    findings.error("invalid_analytics", f"`{entry.key.value}` is a text.", entry.value)
    return None
