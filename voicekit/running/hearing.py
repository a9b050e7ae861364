"""Where speech is in a sound, and what earlier runs have kept of that.

What the detector says of a moment depends on all the sound before it, and on a few seconds after it. So what was
heard up to some moment is kept under the hash of all the sound up to there: it is found again before the rest of the
recording is decoded, and in a recording of which only the end is another.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from voicekit.engines.silero import SileroDetector
from voicekit.errors import UsageError
from voicekit.options import StoreOptions
from voicekit.planning import frames
from voicekit.planning.frames import Frames
from voicekit.profiling import step
from voicekit.profiling.steps import LOAD
from voicekit.protocols import Samples
from voicekit.store import Cache, name_of
from voicekit.types import Recording
from voicekit.version import __version__

Item = TypeVar("Item")

FIRST_MARK = 6
"""Blocks after which what was heard is kept for the first time; then after twice as many, and so on."""

_detector = functools.lru_cache(maxsize=1)(SileroDetector)


class Sound(Protocol):
    """A sound that may still be being decoded."""

    @property
    def recording(self) -> Recording:
        """As far as it is decoded."""
        ...

    def blocks(self) -> Iterator[NDArray[np.int16]]:
        """All of it in order, in blocks of one length but for the last."""
        ...

    def again(self, count: int) -> Iterator[NDArray[np.int16]]:
        """The first so many blocks once more."""
        ...


class Hearing:
    """Listens to one sound.

    Parameters
    ----------
    sound : Sound
        The sound.
    name : str
        What it is called.
    store : StoreOptions
        Whether what was kept may be used, or has to be.
    cache : Cache
        Where it is kept.
    """

    def __init__(self, sound: Sound, name: str, store: StoreOptions, cache: Cache) -> None:
        self._sound, self._source, self._store, self._cache = sound, name, store, cache
        self._digest = hashlib.sha256()
        self._taken = 0  # blocks that were decoded and hashed
        self._kept = 0  # blocks of which is kept what was heard
        self._before = 0  # frames that are kept
        self._last = 0  # where the last of them begins

    def frames(self) -> Iterator[Frames]:
        """Speech probability per frame: frames that no later sound can change, in order.

        Raises
        ------
        UsageError
            If all must be in the store, and some is not.
        """
        blocks = self._counted(self._sound.blocks())
        if self._store.may_read("plan"):
            if (yield from self._found(blocks)):
                return
            if self._store.must_find("plan"):
                raise UsageError(f"{self._source} was not planned before with this cache.",
                                 "Run it without --from first.")
        yield from self._detected(blocks)

    def _counted(self, blocks: Iterable[NDArray[np.int16]]) -> Iterator[NDArray[np.int16]]:
        for block in blocks:
            if self._cache.folder is not None:
                with step("hash", source=self._source):
                    self._digest.update(block.astype("<i2", copy=False).tobytes())
            self._taken += 1
            yield block

    # ---- from the store ----

    def _found(self, blocks: Iterable[object]) -> Generator[Frames, None, bool]:
        """As far as it is in the store; returns whether that is all."""
        if self._cache.folder is None:
            return False
        for whole in itertools.chain((False for _ in blocks), (True,)):
            if whole or _is_mark(self._taken):
                found = self._cache.get(self._name(whole), functools.partial(self._parse, whole))
                if found is None:
                    return False
                self._note(found)
                yield found
        return True

    def _parse(self, whole: bool, stored: Any) -> Frames:
        steps, probabilities = (np.frombuffer(base64.b64decode(stored[field], validate=True), kind)
                                for field, kind in (("steps", "<u2"), ("probabilities", "<f4")))
        found = Frames(self._last + np.cumsum(steps, dtype=np.int64), probabilities.astype(np.float32))
        left = self._sound.recording.samples - (int(found.starts[-1]) if len(found) else self._last)
        if left < 0 or whole and left > SileroDetector.frame:
            raise ValueError("of another recording")
        return found

    def _keep(self, new: Iterable[Frames], whole: bool) -> None:
        found = frames.joined(new)
        self._cache.put(self._name(whole), {
            "steps": _text(np.diff(found.starts, prepend=self._last).astype("<u2")),
            "probabilities": _text(found.probabilities.astype("<f4"))})
        self._note(found)

    def _note(self, kept: Frames) -> None:
        self._kept = self._taken
        self._before += len(kept)
        self._last = int(kept.starts[-1]) if len(kept) else self._last

    def _name(self, whole: bool) -> str:
        with step("name the results"):
            return name_of({"stage": "speech", "detector": _version(), "voicekit": __version__,
                            "sound": self._digest.hexdigest(), "whole": whole, "frames": self._before}, b"")

    # ---- by the detector ----

    def _detected(self, blocks: Iterable[NDArray[np.int16]]) -> Iterator[Frames]:
        """What is not in the store. The detector hears all from the beginning, for it remembers what it has heard."""
        with step(LOAD, model="silero"):
            detector = _detector()
        new: list[Frames] = []
        taken, known = self._taken, self._before

        def samples() -> Iterator[Samples]:
            for number, block in enumerate(itertools.chain(self._sound.again(taken), blocks), 1):
                yield block.astype(np.float32) / np.float32(32768)
                # The next block is asked for: all that this one decides was given.
                if number == self._taken > self._kept and _is_mark(number):
                    self._keep(new, whole=False)
                    new.clear()

        for part in _in_steps("find speech", frames.detected(detector, samples()), self._source):
            fresh = Frames(part.starts[known:], part.probabilities[known:])
            known = max(0, known - len(part))
            if len(fresh):
                new.append(fresh)
                yield fresh
        self._keep(new, whole=True)


def _is_mark(blocks: int) -> bool:
    doublings, rest = divmod(blocks, FIRST_MARK)
    return not rest and doublings & (doublings - 1) == 0 < doublings


@functools.lru_cache(maxsize=1)
def _version() -> str:
    return SileroDetector.version()


def _in_steps(name: str, items: Iterator[Item], source: str) -> Iterator[Item]:
    """The items, each of them made in a step."""
    while True:
        with step(name, source=source):
            item = next(items, None)
        if item is None:
            return
        yield item


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()
