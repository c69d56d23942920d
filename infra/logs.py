"""Structured logs: a JSON object a line, of a process to standard output, which the supervisor keeps in files."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

SECRET = re.compile(r"\b(live_\d+_|cc_)[0-9A-Za-z]{20,}")
"""What our stream keys and access tokens look like (infra/accounts.py)."""
QUIETER = {"aiohttp.access": "WARNING", "aiokafka": "WARNING", "faust": "WARNING", "mode": "WARNING"}
"""Libraries that tell more at their usual level than an operator reads."""


def configure(process: str, level: str, output: TextIO | None = None) -> None:
    """Sends what structlog and the standard library log to standard output or another one, from `level` upwards.

    Bound context (`structlog.contextvars.bind_contextvars(correlation_id=...)`) appears in every line of its task.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )

    def named(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["process"] = process
        return line

    lines = logging.StreamHandler(output or sys.stdout)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                named,
                masked,
                structlog.processors.JSONRenderer(default=repr),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [lines]
    root.setLevel(level.upper())
    for name, quiet in QUIETER.items():
        if level != "debug":
            logging.getLogger(name).setLevel(quiet)


def of_command(name: str = "cli") -> None:
    """A command logs errors alone, and to standard error: what it prints is for programs too."""
    configure(name, "error", sys.stderr)


def masked(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The line without stream keys and tokens, should one have slipped into a text: a second line of defence."""
    return {name: SECRET.sub(r"\1...", value) if isinstance(value, str) else value for name, value in line.items()}
