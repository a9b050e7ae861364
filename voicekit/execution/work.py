"""What is handed to workers, and what they are told about where they run."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SlotContext:
    """What a piece of work is told about where it runs."""

    index: int
    device: str
    threads: int
    born: float = field(default=0.0, compare=False)
    """When its process was started, by :func:`time.monotonic`, which all processes share."""


Report = Callable[[Any], None]
Work = Callable[[Any, SlotContext, Report], Any]
"""``work(piece, context, report)``: a module-level function; ``report`` sends progress at once."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a piece may be done together with others: small ones, each of which would leave a worker half used.

    Attributes
    ----------
    kind : hashable
        What goes together is of one kind.
    size, most : int
        How large the piece is, and how large all of them may be.
    work : callable
        ``work(pieces, context, report)`` for a tuple of pieces; reports ``(place, payload)`` with the piece's place
        in the tuple, and returns a result for each. Where it raises an error, each piece is done by itself.
    apart : hashable, optional
        Of pieces with the same, only one is taken.
    """

    kind: Hashable
    size: int
    most: int
    work: Work
    apart: Hashable = None
