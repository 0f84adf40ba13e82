"""One value after a key: read as what the key wants, or told what is wrong with it."""

from __future__ import annotations

from server.bal.findings import Findings
from server.bal.nodes import Bool, ListValue, Name, Number, Text, Value


def read_text(key: str, value: Value | None, findings: Findings) -> str | None:
    if value is None:
        return None
    if isinstance(value, Text | Name):
        return value.value
    findings.error("invalid_value", f"`{key}` is a text.", value, "Put it in quotes.")
    return None


def read_choice(
    key: str, value: Value | None, allowed: tuple[str, ...], findings: Findings
) -> str | None:
    if value is None:
        return None
    text = value.value if isinstance(value, Text | Name) else ""
    if text in allowed:
        return text
    message = f"`{key}` is one of {', '.join(allowed)}."
    findings.error("invalid_value", message, value, findings.meant(text, allowed))
    return None


def read_flag(
    key: str, value: Value | None, findings: Findings, allowed: str = "true or false"
) -> bool | None:
    if value is None or isinstance(value, Bool):
        return value.value if value else None
    quoted = isinstance(value, Text) and value.value in ("true", "false")
    hint = f"Write {value.value} without quotes." if isinstance(value, Text) and quoted else None
    findings.error("invalid_value", f"`{key}` is {allowed}.", value, hint)
    return None


def read_number(
    key: str,
    value: Value | None,
    low: int,
    high: int | None,
    findings: Findings,
    *,
    above: bool = False,
) -> int | float | None:
    """`above` leaves `low` itself out."""
    if value is None:
        return None
    number = value.value if isinstance(value, Number) else None
    fits = number is not None and (number > low if above else number >= low)
    if fits and (high is None or (number is not None and number <= high)):
        return number
    limits = f"above {low}" if above else _limits(low, high)
    findings.error("invalid_value", f"`{key}` is a number {limits}.", value, _unquote_hint(value))
    return None


def read_whole(
    key: str, value: Value | None, low: int, high: int | None, findings: Findings
) -> int | None:
    if value is None:
        return None
    number = value.value if isinstance(value, Number) else None
    if number is not None and number == int(number) and low <= number:
        if high is None or number <= high:
            return int(number)
    message = f"`{key}` is a whole number {_limits(low, high)}."
    findings.error("invalid_value", message, value, _unquote_hint(value))
    return None


def read_names(key: str, value: Value | None, findings: Findings) -> tuple[str, ...]:
    """A list of names in brackets or braces, or one name. Order kept, repeats dropped."""
    if value is None:
        return ()
    items = value.items if isinstance(value, ListValue) else (value,)
    names: dict[str, None] = {}
    for item in items:
        name = _read_listed_name(key, item, findings)
        if name is None:
            continue
        if name in names and key != "fallbacks":
            findings.warning("duplicate_tool", f"`{name}` stands in `{key}` twice.", item)
        names[name] = None
    return tuple(names)


def _read_listed_name(key: str, item: Value, findings: Findings) -> str | None:
    what = "a model" if key == "fallbacks" else "a tool"
    hint = f'As in "{key}": ["first", "second"].'
    if not isinstance(item, Text | Name):
        findings.error("invalid_value", f"Expected the name of {what}.", item, hint)
        return None
    name = item.value.strip()
    if not name:
        findings.error("invalid_value", f"The name of {what} is blank.", item, hint)
        return None
    if "," in name or any(mark.isspace() for mark in name):
        parts = [part for part in name.replace(",", " ").split() if part]
        listed = ", ".join(f'"{part}"' for part in parts[:6])
        message = f"This text names more than one: `{key}` is a list."
        findings.error("invalid_value", message, item, f'Write "{key}": [{listed}].')
        return None
    return name


def _limits(low: int, high: int | None) -> str:
    return f"from {low}" if high is None else f"from {low} to {high:,}"


def _unquote_hint(value: Value) -> str | None:
    if not isinstance(value, Text):
        return None
    try:
        float(value.value)
    except ValueError:
        return None
    return f"Write {value.value.strip()} without quotes."
