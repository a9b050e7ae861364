"""What a worker tells the run while it is on a piece."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from voicekit.execution.work import Report


@dataclass(frozen=True, slots=True)
class BatchBegun:
    """Progress: the worker is on this batch, counted within the chunk. If it dies, that is the suspect."""

    batch: int


@dataclass(frozen=True, slots=True)
class BatchDone:
    """Progress: results by index of their window or sentence, and which of them another run had made meanwhile."""

    results: Mapping[int, Any]
    seconds: float
    found: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """Progress: a warning, or that the result is worse than was asked for; belongs into the metadata."""

    message: str
    downgrade: bool = False


@dataclass(frozen=True, slots=True)
class Alive:
    """Progress: an errand that takes long is still being done."""


class _Telling(logging.Handler):
    """Hands warnings of this process to the run, which shows each once and records it."""

    def __init__(self, report: Report) -> None:
        super().__init__(logging.WARNING)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Send the message."""
        self._report(Told(record.getMessage()))


@contextlib.contextmanager
def telling(report: Report) -> Iterator[None]:
    logger, handler = logging.getLogger("voicekit"), _Telling(report)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
