"""The logs of a test that has not set up those of the product."""

from __future__ import annotations

import structlog


def plain_logs() -> None:
    """structlog's own way, but for traces: these are written as the product writes them. In colours
    and with every local value, one costs a quarter of a second."""
    structlog.reset_defaults()
    before, last = (
        structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    )
    structlog.configure(processors=[*before, last])
