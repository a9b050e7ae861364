"""The event loop of a run.

It runs in the caller's thread, fed through one queue by the workers and by a thread that decodes ahead.
All state is touched here only, so there are no locks to get wrong.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicekit.errors import DISK_FULL, OutputError, ProcessingError, VoicekitError
from voicekit.execution.slots import Died, Finished, Progress, Raised, SlotContext, Slots, Started
from voicekit.options import RunOptions
from voicekit.planning import chunks as chunking
from voicekit.running.crew import Crew, russian_crew
from voicekit.running.events import Advanced, Idle, Notice, Observe, Planned, Working
from voicekit.running.jobs import STRIKES, Job, Piece, why_died
from voicekit.running.known import Known
from voicekit.running.preparation import Outcome, Prepared, prepare
from voicekit.running.transcripts import Active, transcript_of
from voicekit.running.watch import Watch
from voicekit.store import Cache
from voicekit.types import InputFile, Language, Recording, Window
from voicekit.worker import (BatchBegun, BatchDone, DetectTask, Told, TranscribeTask, detect_language,
                             transcribe_chunk)

log = logging.getLogger("voicekit")

DETECTION_SPEECH = 60.0
"""Seconds of speech, from the first, that the language is told from."""


UNDETERMINED = "und"
"""ISO 639-2's code where nothing was said, or nothing could tell the language."""


class _Stopped(Exception):
    """The run is over: no more preparing."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """From the preparing thread: a file is decoded, or could not be."""

    file: InputFile
    prepared: Prepared | None
    error: VoicekitError | None
    began: float


@dataclass(frozen=True, slots=True)
class _Trouble:
    """From any thread: the store cannot be used any more."""

    message: str


@dataclass(eq=False)
class _Detection:
    """The piece of work that tells a recording's language."""

    ready: _Ready
    task: DetectTask
    strikes: int = 0
    what: str = "language"

    @property
    def source(self) -> str:
        """For people: which recording this is."""
        return self.ready.file.name


class Run:
    """One run: an event loop in the caller's thread, fed by the workers and by the preparing thread."""

    def __init__(self, files: list[InputFile], options: RunOptions, crew: Crew, folder: Path,
                 observe: Observe) -> None:
        self._files = files
        self._options = options
        self._crew = crew
        self._russian: Crew | None = None
        self._asked_russian = False
        self._folder = folder
        self._observe = observe
        self._events: queue.Queue[Any] = queue.Queue()
        self._cache = Cache.of(options.store, lambda message: self._events.put(_Trouble(message)))
        self._known = Known(self._cache, options)
        self._watch = Watch(options.hang_after)
        self._hung: dict[int, str] = {}
        self._warnings: list[str] = []
        self._active: dict[Job, Active] = {}
        self._outcomes: list[Outcome] = []
        # So many files are decoded ahead that workers never wait, and no more, for the disk's sake.
        self._ahead = threading.Semaphore(crew.plan.workers + 1)
        self._stop = threading.Event()

    def outcomes(self) -> Iterator[Outcome]:
        for message in self._crew.choice.downgrades:
            self._observe(Notice(message, downgrade=True))
        for message in self._crew.plan.warnings:
            self._observe(Notice(message))
        plan = self._crew.plan
        contexts = [SlotContext(index, device, plan.threads) for index, device in enumerate(plan.devices)]
        preparing = threading.Thread(target=self._prepare_all, name="prepare", daemon=True)
        preparing.start()
        try:
            with Slots[Piece | _Detection](contexts, self._events) as self._slots:
                for _ in self._files:
                    while not self._outcomes:
                        self._handle(self._next_event())
                    yield self._outcomes.pop(0)
        finally:
            # Joined before the folder goes: a thread inside FFmpeg or onnxruntime at the interpreter's end
            # would abort the process, and one that is left alone would write on.
            self._stop.set()
            self._ahead.release()
            preparing.join()
            self._known.close()

    # ---- preparing, in its own thread ----

    def _prepare_all(self) -> None:
        for file in self._files:
            self._ahead.acquire()
            if self._stop.is_set():
                return
            began = time.monotonic()
            prepared, error = None, None
            try:
                prepared = prepare(file, self._folder, self._options, self._cache, self._check)
            except _Stopped:
                return
            except VoicekitError as problem:
                error = problem
            except Exception as problem:  # anything: it must reach the loop, or the loop waits for ever
                error = ProcessingError(f"{file.name}: {type(problem).__name__}: {problem}")
                error.__cause__ = problem
            self._events.put(_Ready(file, prepared, error, began))

    def _check(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    # ---- the loop ----

    def _next_event(self) -> Any:
        """The next event; meanwhile workers that hang are ended, which makes events of its own."""
        while True:
            for slot, seconds in self._watch.hanging().items():
                self._watch.rested(slot)
                self._hung[slot] = f"the worker did nothing for {seconds:.0f} s"
                self._slots.kill(slot)
            with contextlib.suppress(queue.Empty):
                event = self._events.get(timeout=1)
                self._look_after(event)
                return event

    def _look_after(self, event: Any) -> None:
        """What an event says about how its worker is."""
        match event:
            case Started(_, slot):
                self._watch.started(slot)
            case Progress(Piece() as piece, slot, BatchBegun(number)):
                self._watch.begun(slot, sum(window.duration for window in piece.chunk.batches[number]))
            case Progress(_, slot, BatchDone()):
                self._watch.done(slot)
            case Progress(_, slot, _):
                self._watch.heard(slot)
            case Finished(_, slot, _) | Raised(_, slot, _) | Died(_, slot, _):
                self._watch.rested(slot)

    def _why_died(self, slot: int, exitcode: int | None) -> str:
        return self._hung.pop(slot, "") or why_died(exitcode)

    def _handle(self, event: Any) -> None:
        match event:
            case _Trouble(message):
                self._warnings.append(message)
                self._observe(Notice(message))
            case _Ready(file, Prepared() as prepared):
                for warning in prepared.recording.warnings:
                    self._observe(Notice(warning, prepared.recording.source.name))
                self._guarded(event, lambda: self._begin(event, prepared))
            case _Ready(file, error=error):
                self._end(Outcome(file, error=error))
            case Started(tag, slot):
                self._observe(Working(slot, self._crew.plan.devices[slot], tag.source, tag.what))
            case Progress(Piece() as piece, slot, Told() as told):
                if piece.job.tell(told) and told.message not in self._warnings:
                    self._observe(Notice(told.message, piece.source, told.downgrade))
            case Progress(_Detection(), slot, _):
                pass
            case Progress(Piece() as piece, slot, payload):
                self._advance(piece, slot, piece.job.progress(piece, payload))
            case Finished(Piece() as piece, slot, receipt):
                piece.job.finished(receipt)
                self._rest(slot, piece)
            case Died(Piece() as piece, slot, exitcode):
                self._retry(piece, slot, self._why_died(slot, exitcode))
            case Raised(Piece() as piece, slot, MemoryError()):
                self._retry(piece, slot, "the worker ran out of memory")
            case Raised(Piece() as piece, slot, error):
                self._observe(Idle(slot))
                self._abandon(piece.job, _as_ours(error))
            case Finished(_Detection(ready, task), slot, found):
                self._observe(Idle(slot))
                self._known.keep_language(task, self._crew, found)
                self._guarded(ready, lambda: self._detected(ready, found))
            case Raised(_Detection(ready), slot, error):
                self._observe(Idle(slot))
                self._end(Outcome(ready.file, error=_as_ours(error)), ready.prepared)
            case Died(_Detection(ready, task, strikes), slot, exitcode):
                self._observe(Idle(slot))
                why = self._why_died(slot, exitcode)
                if strikes + 1 < STRIKES:
                    self._slots.submit(_Detection(ready, task, strikes + 1), detect_language, task, urgent=True)
                    return
                error = ProcessingError(f"The language could not be detected: {why}.",
                                        "Give it with --language.")
                self._end(Outcome(ready.file, error=error), ready.prepared)

    def _guarded(self, ready: _Ready, step: Callable[[], None]) -> None:
        """Do a step that concerns one file: an error ends that file, not the others."""
        try:
            step()
        except Exception as error:
            assert ready.prepared is not None
            if any(job.recording is ready.prepared.recording for job in self._active):
                raise  # planned and handed out: this came from whoever observes
            self._end(Outcome(ready.file, error=_as_ours(error)), ready.prepared)

    def _begin(self, ready: _Ready, prepared: Prepared) -> None:
        """A file is decoded: ask for its language, unless that is known or does not matter."""
        profile = self._crew.choice.adapter.profile
        if not self._options.store.does("transcribe"):
            self._only_planned(ready, prepared)
        elif self._options.language is not None:
            self._hand_out(ready, prepared, Language(self._options.language), self._crew)
        elif not prepared.spans or "detection" not in profile.supports:
            only = profile.languages if profile.languages and len(profile.languages) == 1 else {UNDETERMINED}
            self._hand_out(ready, prepared, Language(*only), self._crew)
        else:
            self._detect(ready)

    def _only_planned(self, ready: _Ready, prepared: Prepared) -> None:
        plan, source = prepared.windows(self._crew.window), prepared.recording.source
        to_do = sum(window.duration for window in plan)
        self._observe(Planned(source.name, source.duration, to_do, len(plan), 0))
        self._end(Outcome(ready.file), prepared)

    def _detect(self, ready: _Ready) -> None:
        assert ready.prepared is not None and self._crew.spec is not None
        first = _first_speech(ready.prepared.windows(self._crew.window))
        task = DetectTask(ready.prepared.recording, first, self._crew.spec)
        found = self._known.language(task, self._crew)
        if found is not None:
            self._detected(ready, found)
        else:
            self._slots.submit(_Detection(ready, task), detect_language, task, urgent=True)

    def _detected(self, ready: _Ready, found: dict[str, float]) -> None:
        assert ready.prepared is not None
        code = max(sorted(found), key=lambda one: found[one])
        crew = self._crew
        if code == "ru" and not self._asked_russian:
            self._asked_russian = True
            self._russian = russian_crew(self._options, lambda why: self._observe(Notice(
                f"Russian stays with {self._crew.choice.name}: {why}")))
        if code == "ru" and self._russian is not None:
            crew = self._russian
        self._hand_out(ready, ready.prepared, Language(code, found[code]), crew)

    def _hand_out(self, ready: _Ready, prepared: Prepared, language: Language, crew: Crew) -> None:
        plan = prepared.windows(crew.window)
        found = self._known.windows(prepared.recording, plan, crew, language.code)
        missing = [window for window in plan if window.index not in found.results]
        seconds = chunking.chunk_seconds(missing, self._options.plan.chunks, self._crew.plan.workers)
        chunks = chunking.plan_chunks(prepared.recording, missing, crew.plan.batch_size, seconds)
        # Two runs of one recording begin at its two ends, and each finds what the other has done.
        chunks = chunking.backwards(chunks) if found.shared else chunks
        job = Job(prepared.recording, plan, chunks, found.results)  # from here on errors are the job's
        self._active[job] = Active(ready.file, language, crew, ready.began, found.damaged)
        source = prepared.recording.source
        to_do = sum(window.duration for window in missing)
        self._observe(Planned(source.name, source.duration, to_do, len(plan), len(chunks), len(found.results)))
        if found.damaged:
            self._observe(Notice(f"{found.damaged} damaged results in the cache were set aside; they are "
                                 "made again.", source.name))
        if found.shared:
            self._observe(Notice("Another run is working on the same recording: the two share the work.",
                                 source.name))
        for piece in job.pieces():
            self._submit(piece)
        if job.done:  # nothing was said
            self._complete(job)

    def _submit(self, piece: Piece) -> None:
        active = self._active[piece.job]
        assert active.crew.spec is not None
        task = TranscribeTask(piece.chunk, active.crew.spec, self._options.decoding(active.language.code),
                              self._cache.folder, self._options.store.may_read("transcribe"))
        # A suspect goes first: if it is bad, that should be known early.
        self._slots.submit(piece, transcribe_chunk, task, urgent=piece.strikes > 0)

    def _advance(self, piece: Piece, slot: int, seconds: float) -> None:
        if seconds and piece.job in self._active:
            self._observe(Advanced(slot, piece.job.recording.source.name, seconds))

    def _rest(self, slot: int, piece: Piece) -> None:
        self._observe(Idle(slot))
        if piece.job in self._active and piece.job.done:
            self._complete(piece.job)

    def _retry(self, piece: Piece, slot: int, why: str) -> None:
        self._observe(Idle(slot))
        if piece.job not in self._active:
            return
        if piece.job.lost_at_start(piece):
            self._abandon(piece.job, ProcessingError(
                f"Workers end before they have loaded the model: {why}.",
                "If memory is short, take fewer --workers or a smaller --model. If you call voicekit from a "
                'script, it must be a file, and the call must stand under: if __name__ == "__main__":'))
            return
        log.warning("A worker was lost at %s: %s", piece.what, why)
        again, seconds = piece.job.lost(piece, why)
        self._advance(piece, slot, seconds)
        for one in again:
            self._submit(one)
        if piece.job.done:
            self._complete(piece.job)

    def _abandon(self, job: Job, error: VoicekitError) -> None:
        """An error that every window of this recording would meet."""
        active = self._active.pop(job, None)
        if active is not None:
            self._slots.cancel(lambda tag: isinstance(tag, Piece) and tag.job is job)
            self._finish_file(job.recording)
            self._outcomes.append(Outcome(active.file, error=error))

    def _complete(self, job: Job) -> None:
        try:
            transcript = transcript_of(job, self._active[job], self._options, self._crew.plan.workers, self._warnings)
        except Exception as error:  # the store's disk is gone, say: this file's misfortune only
            self._abandon(job, _as_ours(error))
            return
        active = self._active.pop(job)
        self._finish_file(job.recording)
        self._outcomes.append(Outcome(active.file, transcript))

    def _end(self, outcome: Outcome, prepared: Prepared | None = None) -> None:
        """A file that never became a job."""
        self._finish_file(prepared.recording if prepared else None)
        self._outcomes.append(outcome)

    def _finish_file(self, recording: Recording | None) -> None:
        if recording is not None:
            Path(recording.pcm).unlink(missing_ok=True)
        self._ahead.release()


def _first_speech(plan: Sequence[Window]) -> tuple[Window, ...]:
    """The first windows, up to a minute of speech: one sentence in another language does not decide."""
    chosen: list[Window] = []
    seconds = 0.0
    for window in plan:
        if seconds >= DETECTION_SPEECH:
            break
        chosen.append(window)
        seconds += sum(span.duration for span in window.speech)
    return tuple(chosen)


def _as_ours(error: BaseException) -> VoicekitError:
    if isinstance(error, VoicekitError):
        return error
    ours: VoicekitError = ProcessingError(f"{type(error).__name__}: {error}")
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        ours = OutputError(f"The temporary folder is full: {error.strerror}.",
                           "Make room, or choose another folder with --temp-dir.")
    ours.__cause__ = error
    return ours
