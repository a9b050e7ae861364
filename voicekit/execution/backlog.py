"""Pieces of work that wait for a worker, and which of them one worker takes together."""

from __future__ import annotations

import collections
import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from voicekit.execution.work import Sharing, Work


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A piece that waits."""

    tag: Any
    work: Work
    piece: Any
    sharing: Sharing | None


class Backlog:
    """Pieces that wait for a slot."""

    def __init__(self) -> None:
        self._waiting: collections.deque[Entry] = collections.deque()
        self.idle = 0
        """Slots that wait for a piece."""
        self._closed = self._held = False
        self._changed = threading.Condition()

    def put(self, *pieces: Entry, urgent: bool = False) -> None:
        """Let them wait for a slot, before all others where they are urgent."""
        with self._changed:
            (self._waiting.extendleft if urgent else self._waiting.extend)(pieces)
            self._changed.notify(len(pieces))

    def take(self) -> list[Entry]:
        """The next piece, with others that may be done together with it; none when closed and empty."""
        with self._changed:
            self.idle += 1
            self._changed.wait_for(lambda: (self._waiting or self._closed) and not self._held)
            taken = self._with_its_like(self._waiting.popleft()) if self._waiting else []
            self.idle -= 1
            return taken

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nobody takes anything while the block runs: what is taken later may be divided better."""
        with self._changed:
            self._held = True
        try:
            yield
        finally:
            with self._changed:
                self._held = False
                self._changed.notify_all()

    def _with_its_like(self, first: Entry) -> list[Entry]:
        own = first.sharing
        if own is None:
            return [first]
        alike = [(entry, entry.sharing) for entry in self._waiting
                 if entry.sharing is not None and entry.sharing.kind == own.kind]
        # What the other idle slots could take is left to them.
        room = min(own.most, math.ceil((own.size + sum(sharing.size for _, sharing in alike)) / self.idle))
        taken, size, apart = [first], own.size, {own.apart} - {None}
        for entry, sharing in alike:
            if sharing.apart in apart:
                continue
            size += sharing.size
            if size > room:
                break
            taken.append(entry)
            apart |= {sharing.apart} - {None}
        self._waiting = collections.deque(entry for entry in self._waiting if entry not in taken)
        return taken

    def discard(self, match: Callable[[Any], bool]) -> list[Any]:
        """Forget the pieces whose tag matches; their tags."""
        with self._changed:
            dropped = [entry.tag for entry in self._waiting if match(entry.tag)]
            self._waiting = collections.deque(entry for entry in self._waiting if not match(entry.tag))
            return dropped

    def close(self) -> None:
        """No more pieces will come: who waits in vain gets none."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
