"""The event loop of a run.

It runs in the caller's thread, fed through one queue by the workers and by a thread that decodes ahead.
All state is touched here only, so there are no locks to get wrong.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicekit.errors import DISK_FULL, OutputError, ProcessingError, VoicekitError
from voicekit.execution.slots import Died, Finished, Progress, Raised, SlotContext, Slots, Started
from voicekit.options import RunOptions
from voicekit.profiling import step, switch
from voicekit.profiling.steps import WAIT
from voicekit.running.acts import Act, Errand, Rescue
from voicekit.running.crew import Crew, russian_crew
from voicekit.running.diarizing import Diarizing
from voicekit.running.events import Advanced, Idle, Notice, Observe, Working
from voicekit.running.jobs import STRIKES, Job, Piece, why_died
from voicekit.running.known import Known
from voicekit.running.preparation import Outcome, Prepared, prepare
from voicekit.running.speaking import Speaking
from voicekit.running.telling_apart import TellingApart
from voicekit.running.timeline import Timeline
from voicekit.running.transcribing import Transcribing
from voicekit.running.watch import Watch
from voicekit.store import Cache
from voicekit.types import InputFile, Recording, Transcript
from voicekit.worker.reports import BatchBegun, BatchDone, Told

log = logging.getLogger("voicekit")


class _Stopped(Exception):
    """The run is over: no more preparing."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """From the preparing thread: a file is decoded, or could not be."""

    file: InputFile
    prepared: Prepared | None
    error: VoicekitError | None
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class _Trouble:
    """From any thread: the store cannot be used any more."""

    message: str


class Run:
    """One run: an event loop in the caller's thread, fed by the workers and by the preparing thread."""

    def __init__(self, files: list[InputFile], options: RunOptions, crew: Crew, telling_apart: TellingApart | None,
                 folder: Path, observe: Observe) -> None:
        self._files = files
        self.options = options
        self.crew = crew
        self._telling_apart = telling_apart
        self._russian: Crew | None = None
        self._asked_russian = False
        self.folder = folder
        self.observe = observe
        self._events: queue.Queue[Any] = queue.Queue()
        self.cache = Cache.of(options.store, lambda message: self._events.put(_Trouble(message)))
        self.known = Known(self.cache, options)
        self._watch = Watch(options.hang_after)
        self._timeline = Timeline()
        self._hung: dict[int, str] = {}
        self.warnings: list[str] = []
        self._active: dict[Job[Any, Any], Act] = {}
        self._outcomes: list[Outcome] = []
        # So many files are decoded ahead that workers never wait, and no more, for the disk's sake.
        self._ahead = threading.Semaphore(crew.plan.workers + 1)
        self._stop = threading.Event()

    def outcomes(self) -> Iterator[Outcome]:
        for message in self.crew.choice.downgrades:
            self.observe(Notice(message, downgrade=True))
        for message in self.crew.plan.warnings:
            self.observe(Notice(message))
        if self._telling_apart is not None:
            for message in self._telling_apart.downgrades:
                self.observe(Notice(message, downgrade=True))
            for message in self._telling_apart.notices:
                self.observe(Notice(message))
        plan = self.crew.plan
        contexts = [SlotContext(index, device, plan.threads) for index, device in enumerate(plan.devices)]
        preparing = threading.Thread(target=self._prepare_all, name="prepare", daemon=True)
        preparing.start()
        try:
            with Slots[Piece | Errand](contexts, self._events) as self._slots:
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
            self.known.close()
            for file in self._timeline.unfinished():
                switch.timeline(file.name, self._timeline.of(file), self._timeline.zero)

    # ---- preparing, in its own thread ----

    def _prepare_all(self) -> None:
        with switch.thread(switch.PREPARE), contextlib.suppress(_Stopped):
            for file in self._files:
                with step(WAIT):
                    self._ahead.acquire()
                self._check()
                self._events.put(self._prepare(file))

    def _prepare(self, file: InputFile) -> _Ready:
        began = time.monotonic()
        prepared, error = None, None
        try:
            prepared = prepare(file, self.folder, self.options, self.cache, self._check)
        except _Stopped:
            raise
        except VoicekitError as problem:
            error = problem
        except Exception as problem:  # anything: it must reach the loop, or the loop waits for ever
            error = ProcessingError(f"{file.name}: {type(problem).__name__}: {problem}")
            error.__cause__ = problem
        return _Ready(file, prepared, error, began, time.monotonic())

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
                with step(WAIT):
                    event = self._events.get(timeout=1)
                self._look_after(event)
                return event

    def _look_after(self, event: Any) -> None:
        """What an event says about how its worker is."""
        match event:
            case Started(tag, slot):
                self._watch.started(slot)
                if isinstance(tag, Errand):
                    self._timeline.errand(slot, tag)
            case Progress(Piece() as piece, slot, BatchBegun(number)):
                act, units = self._active.get(piece.job), piece.chunk.batches[number]
                self._watch.begun(slot, sum(unit.duration for unit in units), act.stage if act else "")
                if act is not None:
                    self._timeline.batch(slot, act, units)
            case Progress(_, slot, BatchDone() as done):
                self._watch.done(slot)
                self._timeline.done(slot, done)
            case Progress(_, slot, _):
                self._watch.heard(slot)
            case Finished(tag, slot, _):
                self._watch.rested(slot)
                if isinstance(tag, Errand):
                    self._timeline.done(slot)
            case Raised(_, slot, _) | Died(_, slot, _):
                self._watch.rested(slot)
                self._timeline.lost(slot)

    def _why_died(self, slot: int, exitcode: int | None) -> str:
        return self._hung.pop(slot, "") or why_died(exitcode)

    def _handle(self, event: Any) -> None:
        match event:
            case _Trouble(message):
                self.warnings.append(message)
                self.observe(Notice(message))
            case _Ready(file, Prepared() as prepared):
                for warning in prepared.recording.warnings:
                    self.observe(Notice(warning, prepared.recording.source.name))
                self._timeline.prepared(file, prepared.recording.source.duration, event.began, event.ended)
                self._guarded(file, prepared.recording, lambda: self._begin(file, prepared, event.began))
            case _Ready(file, error=error):
                self.end(Outcome(file, error=error), None)
            case Started(tag, slot):
                self.observe(Working(slot, self.crew.plan.devices[slot], tag.source, tag.what))
            case Progress(Piece() as piece, slot, Told() as told):
                if piece.job.tell(told) and told.message not in self.warnings:
                    self.observe(Notice(told.message, piece.source, told.downgrade))
            case Progress(Errand() as errand, slot, Told(message, downgrade)) if message not in self.warnings:
                self.warnings.append(message)
                self.observe(Notice(message, errand.source, downgrade))
            case Progress(Errand(), slot, _):
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
                self.observe(Idle(slot))
                self._abandon(piece.job, _as_ours(error))
            case Finished(Errand() as errand, slot, found):
                self.observe(Idle(slot))
                self._guarded(errand.file, errand.recording, lambda: errand.then(found), errand.rescue)
            case Raised(Errand() as errand, slot, error):
                self.observe(Idle(slot))
                self._fail(errand.file, errand.recording, error, errand.rescue)
            case Died(Errand() as errand, slot, exitcode):
                self.observe(Idle(slot))
                why = self._why_died(slot, exitcode)
                errand.strikes += 1
                if errand.strikes < STRIKES:
                    self.send(errand)
                else:
                    self._fail(errand.file, errand.recording, errand.failed(why), errand.rescue)

    def _begin(self, file: InputFile, prepared: Prepared, began: float) -> None:
        """The acts of a file, one after the other."""
        def attributed(transcript: Transcript) -> None:
            if self.options.voicing.voice is None:
                self.end(Outcome(file, transcript), prepared.recording)
            else:
                Speaking(self, file, prepared, transcript).begin()

        def transcribed(transcript: Transcript) -> None:
            if self._telling_apart is None:
                attributed(transcript)
            else:
                diarizing = Diarizing(self, file, prepared, transcript, self._telling_apart, attributed)
                self._guarded(file, prepared.recording, diarizing.begin, diarizing.rescue)

        Transcribing(self, file, prepared, began, transcribed).begin()

    def _guarded(self, file: InputFile, recording: Recording, step: Callable[[], None],
                 rescue: Rescue | None = None) -> None:
        """Do a step that concerns one file: an error ends that file, not the others."""
        try:
            step()
        except Exception as error:
            if any(job.recording is recording for job in self._active):
                raise  # planned and handed out: this came from whoever observes
            self._fail(file, recording, error, rescue)

    def _fail(self, file: InputFile, recording: Recording, error: BaseException, rescue: Rescue | None) -> None:
        if rescue is not None:
            self._guarded(file, recording, lambda: rescue(_as_ours(error)))
        else:
            self.end(Outcome(file, error=_as_ours(error)), recording)

    # ---- what acts ask for ----

    def russian(self) -> Crew | None:
        """See :class:`voicekit.running.acts.Desk`."""
        if not self._asked_russian:
            self._asked_russian = True
            self._russian = russian_crew(self.options, lambda why: self.observe(Notice(
                f"Russian stays with {self.crew.choice.name}: {why}")))
        return self._russian

    def hand_out(self, job: Job[Any, Any], act: Act) -> None:
        """See :class:`voicekit.running.acts.Desk`."""
        self._timeline.found(act, job)
        self._active[job] = act  # from here on errors are the job's
        for piece in job.pieces():
            self._submit(piece)
        if job.done:  # nothing was said, or all was known
            self._complete(job)

    def send(self, errand: Errand) -> None:
        """See :class:`voicekit.running.acts.Desk`."""
        self._slots.submit(errand, switch.measured(errand.work, errand.what), errand.task, urgent=True)

    def end(self, outcome: Outcome, recording: Recording | None) -> None:
        """See :class:`voicekit.running.acts.Desk`."""
        if recording is not None:
            Path(recording.pcm).unlink(missing_ok=True)
        self._ahead.release()
        timeline = self._timeline.of(outcome.file)
        switch.timeline(outcome.file.name, timeline, self._timeline.zero)
        if outcome.transcript is not None:
            run = dataclasses.replace(outcome.transcript.run, timeline=timeline)
            outcome = dataclasses.replace(outcome, transcript=dataclasses.replace(outcome.transcript, run=run))
        self._outcomes.append(outcome)

    # ---- jobs ----

    def _submit(self, piece: Piece) -> None:
        act = self._active[piece.job]
        work, task = act.task(piece.chunk)
        # A suspect goes first: if it is bad, that should be known early.
        self._slots.submit(piece, switch.measured(work, act.stage), task, urgent=piece.strikes > 0)

    def _advance(self, piece: Piece, slot: int, seconds: float) -> None:
        if seconds and piece.job in self._active:
            self.observe(Advanced(slot, piece.job.recording.source.name, seconds))

    def _rest(self, slot: int, piece: Piece) -> None:
        self.observe(Idle(slot))
        if piece.job in self._active and piece.job.done:
            self._complete(piece.job)

    def _retry(self, piece: Piece, slot: int, why: str) -> None:
        self.observe(Idle(slot))
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

    def _abandon(self, job: Job[Any, Any], error: VoicekitError) -> None:
        """An error that every unit of this job would meet."""
        act = self._active.pop(job, None)
        if act is not None:
            self._slots.cancel(lambda tag: isinstance(tag, Piece) and tag.job is job)
            self._fail(act.file, job.recording, error, act.rescue)

    def _complete(self, job: Job[Any, Any]) -> None:
        act = self._active.pop(job)
        self._guarded(act.file, job.recording, lambda: act.complete(job), act.rescue)


def _as_ours(error: BaseException) -> VoicekitError:
    if isinstance(error, VoicekitError):
        return error
    ours: VoicekitError = ProcessingError(f"{type(error).__name__}: {error}")
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        ours = OutputError(f"The temporary folder is full: {error.strerror}.",
                           "Make room, or choose another folder with --temp-dir.")
    ours.__cause__ = error
    return ours
