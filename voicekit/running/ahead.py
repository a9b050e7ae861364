"""The thread that prepares recordings ahead of the workers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicekit.errors import ProcessingError, VoicekitError
from voicekit.options import RunOptions
from voicekit.profiling import step, switch
from voicekit.profiling.steps import WAIT
from voicekit.running.preparation import Part, preparing
from voicekit.store import Cache
from voicekit.types import SAMPLE_RATE, InputFile, Recording


class _Stopped(Exception):
    """The run is over: no more preparing."""


class _Unwanted(Exception):
    """The file is over: no more of it."""


@dataclass(eq=False)
class Course:
    """One file on its way through a run.

    Attributes
    ----------
    file : InputFile
        The file.
    began : float
        When its decoding began, by :func:`time.monotonic`.
    recording : Recording or None
        Set by the loop: as far as it has heard of it.
    prepared : bool
        Set by the loop: it has heard the last of it, so that the decoded sound is the loop's to remove.
    over : bool
        Set by the loop: nobody wants any more of it.
    heard : float
        Seconds of it that are decoded.
    """

    file: InputFile
    began: float
    recording: Recording | None = None
    prepared: bool = False
    over: bool = False
    heard: float = 0.0


@dataclass(frozen=True, slots=True)
class Heard:
    """More of a recording is known, or why there is no more of it; ``at`` is when, by :func:`time.monotonic`."""

    course: Course
    part: Part | None
    error: VoicekitError | None
    at: float


class Ahead:
    """Decodes files and finds speech in them, one file after the other, and tells what is sure as soon as it is.

    Parameters
    ----------
    files : sequence of InputFile
        What is to be prepared.
    folder, options, cache
        As for :func:`voicekit.running.preparation.preparing`.
    limit : int
        Files that may be begun before the first of them is over: so many that workers never wait, and no more, for
        the disk's sake.
    seconds : float
        Of decoded sound: while there is less, any number of files may be begun. Short ones are decoded together.
    tell : callable
        Gets a :class:`Heard` again and again, in the thread.
    """

    def __init__(self, files: Sequence[InputFile], folder: Path, options: RunOptions, cache: Cache, limit: int,
                 seconds: float, tell: Callable[[Heard], None]) -> None:
        self._files, self._folder, self._options, self._cache, self._tell = files, folder, options, cache, tell
        self._limit, self._seconds = limit, seconds
        self._begun: list[Course] = []  # and not over
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._all, name="prepare", daemon=True)

    def start(self) -> None:
        """Begin with the first file."""
        self._thread.start()

    def make_room(self) -> None:
        """A file is over: another one may be begun."""
        with self._changed:
            self._begun = [course for course in self._begun if not course.over]
            self._changed.notify()

    def _may_begin(self) -> bool:
        decoded = sum(course.heard for course in self._begun)
        return self._stop.is_set() or len(self._begun) < self._limit or decoded < self._seconds

    def stop(self) -> None:
        """End the thread, and wait for that."""
        with self._changed:
            self._stop.set()
            self._changed.notify()
        self._thread.join()

    def _all(self) -> None:
        with switch.thread(switch.PREPARE), contextlib.suppress(_Stopped):
            for file in self._files:
                with step(WAIT), self._changed:
                    self._changed.wait_for(self._may_begin)
                course = Course(file, time.monotonic())
                with self._changed:
                    self._begun.append(course)
                with contextlib.suppress(_Unwanted):
                    self._one(course)

    def _one(self, course: Course) -> None:
        def check() -> None:
            if self._stop.is_set():
                raise _Stopped
            if course.over:
                raise _Unwanted

        recording = None
        try:
            check()
            for part in preparing(course.file, self._folder, self._options, self._cache, check):
                recording = part.recording
                course.heard = recording.samples / SAMPLE_RATE
                self._tell(Heard(course, part, None, time.monotonic()))
            return
        except (_Stopped, _Unwanted):
            if recording is not None:
                Path(recording.pcm).unlink(missing_ok=True)
            raise
        except VoicekitError as problem:
            error = problem
        except Exception as problem:  # anything: it must reach the loop, or the loop waits for ever
            error = ProcessingError(f"{course.file.name}: {type(problem).__name__}: {problem}")
            error.__cause__ = problem
        self._tell(Heard(course, None, error, time.monotonic()))
