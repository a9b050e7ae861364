"""The event loop of a run.

It runs in the caller's thread, fed through one queue by the workers and by a thread that decodes ahead.
All state is touched here only, so there are no locks to get wrong.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicekit.errors import DISK_FULL, OutputError, ProcessingError, VoicekitError
from voicekit.execution.slots import Died, Finished, Progress, Raised, Slots, Started
from voicekit.execution.work import SlotContext
from voicekit.execution.zygote import Zygote
from voicekit.options import RunOptions
from voicekit.profiling import step, switch
from voicekit.profiling.steps import WAIT
from voicekit.running.acts import Act, Errand, Rescue, Warming
from voicekit.running.ahead import Ahead, Course, Heard
from voicekit.running.crew import Crew, russian_crew
from voicekit.running.diarizing import Diarizing
from voicekit.running.events import Advanced, Idle, Notice, Observe, Working
from voicekit.running.jobs import STRIKES, Job, Piece, why_died
from voicekit.running.known import Known
from voicekit.running.preparation import Outcome
from voicekit.running.speaking import Speaking
from voicekit.running.telling_apart import TellingApart
from voicekit.running.timeline import Timeline
from voicekit.running.transcribing import Transcribing
from voicekit.running.watch import Watch
from voicekit.store import Cache
from voicekit.types import Chunk, InputFile, Recording, Transcript
from voicekit.worker.reports import BatchBegun, BatchDone, Told
from voicekit.worker.transcribing import load_engine, load_for_copies

log = logging.getLogger("voicekit")


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
        self._warmed = 0
        self.warnings: list[str] = []
        self._active: dict[Job[Any, Any], Act] = {}
        self._outcomes: list[Outcome] = []
        self._ahead = Ahead(files, folder, options, self.cache, crew.plan.workers + 1, crew.ample, self._events.put)
        self._courses: dict[str, Course] = {}  # by where the decoded sound is, while anybody needs that
        self._acts: dict[Course, Transcribing] = {}

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
        self._ahead.start()
        try:
            zygote = Zygote(switch.measured(load_for_copies, "transcribe"), self.crew.spec) if plan.copies else None
            with Slots[Piece | Errand | Warming](contexts, self._events, zygote) as self._slots:
                for _ in self._files:
                    while not self._outcomes:
                        self._handle(self._next_event())
                    yield self._outcomes.pop(0)
        finally:
            # Joined before the folder goes: a thread inside FFmpeg or onnxruntime at the interpreter's end
            # would abort the process, and one that is left alone would write on.
            self._ahead.stop()
            self.known.close()
            for file in self._timeline.unfinished():
                switch.timeline(file.name, self._timeline.of(file), self._timeline.zero)

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
                self._hung.pop(slot, None)  # that was the worker before
                if isinstance(tag, Errand):
                    self._timeline.errand(slot, tag)
            case Progress(Piece() as piece, slot, BatchBegun(number)):
                act, units = self._active.get(piece.job), piece.chunk.batches[number]
                self._watch.begun(slot, sum(unit.duration for unit in units), act.stage if act else "")
                if act is not None:
                    self._timeline.batch(slot, piece, act, units)
            case Progress(Piece() as piece, slot, BatchDone() as done):
                self._watch.done(slot)
                self._timeline.done(slot, piece, done)
            case Progress(_, slot, _):
                self._watch.heard(slot)
            case Finished(tag, slot, _):
                self._watch.rested(slot)
                if isinstance(tag, Errand):
                    self._timeline.done(slot, tag)
            case Raised(_, slot, _) | Died(_, slot, _):
                self._watch.rested(slot)
                self._timeline.lost(slot)

    def _why_died(self, slot: int, exitcode: int | None) -> str:
        return self._hung.get(slot, "") or why_died(exitcode)

    def _handle(self, event: Any) -> None:
        match event:
            case _Trouble(message):
                self.warnings.append(message)
                self.observe(Notice(message))
            case Heard() as heard:
                self._hear(heard)
            case Started(tag, slot):
                self.observe(Working(slot, self.crew.plan.devices[slot], tag.source, tag.what))
            case Progress(Piece() as piece, slot, Told() as told):
                if piece.job.tell(told) and told.message not in self.warnings:
                    self.observe(Notice(told.message, piece.source, told.downgrade))
            case Progress(Errand() | Warming() as tag, slot, Told(message, worse)) if message not in self.warnings:
                self.warnings.append(message)
                self.observe(Notice(message, tag.source, worse))
            case Progress(Errand() | Warming(), slot, _):
                pass
            case Finished(Warming(), slot) | Raised(Warming(), slot) | Died(Warming(), slot):
                self.observe(Idle(slot))  # what is wrong with the model the work itself will tell
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
            case (Finished(Errand(recording=recording), slot) | Raised(Errand(recording=recording), slot)
                  | Died(Errand(recording=recording), slot)) if recording.pcm not in self._courses:
                self.observe(Idle(slot))  # the file is over: the rest of it could not be decoded
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

    def _hear(self, heard: Heard) -> None:
        """More of a file is known, or why there is no more of it."""
        course, part = heard.course, heard.part
        course.prepared = part is None or part.whole
        course.recording = part.recording if part is not None else course.recording
        if course.over:
            self._remove(course)
        elif part is not None:
            if part.recording.pcm not in self._courses:
                self._courses[part.recording.pcm] = course
                self._acts[course] = self._transcribing(course)
            if part.whole:
                for warning in part.recording.warnings:
                    self.observe(Notice(warning, part.recording.source.name))
                self._timeline.prepared(course.file, part.recording.source.duration, course.began, heard.at)
            self._guarded(course.file, part.recording, lambda: self._acts[course].heard(part))
        elif heard.error is not None:
            if course.recording is None:
                course.over = True
                self.end(Outcome(course.file, error=heard.error), None)
            else:
                self._failed(course.file, course.recording, heard.error, None)

    def _transcribing(self, course: Course) -> Transcribing:
        """The acts of a file, one after the other."""
        file = course.file

        def transcribed(transcript: Transcript) -> None:
            prepared = act.prepared

            def attributed(transcript: Transcript) -> None:
                if self.options.voicing.voice is None:
                    self.end(Outcome(file, transcript), prepared.recording)
                else:
                    Speaking(self, file, prepared, transcript).begin()

            if self._telling_apart is None:
                attributed(transcript)
            else:
                diarizing = Diarizing(self, file, prepared, transcript, self._telling_apart, attributed)
                self._guarded(file, prepared.recording, diarizing.begin, diarizing.rescue)

        act = Transcribing(self, file, course.began, transcribed)
        return act

    def _guarded(self, file: InputFile, recording: Recording, step: Callable[[], None],
                 rescue: Rescue | None = None) -> None:
        """Do a step that concerns one file: an error ends that file, not the others."""
        try:
            step()
        except Exception as error:
            self._failed(file, recording, error, rescue)

    def _failed(self, file: InputFile, recording: Recording, error: Exception, rescue: Rescue | None) -> None:
        """A step that concerns one file failed; what is handed out of the file is in vain."""
        job = next((job for job in self._active if job.recording.pcm == recording.pcm), None)
        if job is None:
            self._fail(file, recording, error, rescue)
        elif isinstance(error, VoicekitError):
            self._abandon(job, error)
        else:
            raise error  # it came from whoever observes

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
        self._timeline.found(act, job.new_found())
        self._active[job] = act  # from here on errors are the job's
        for piece in job.pieces():
            self._submit(piece)
        if job.done:  # nothing was said, or all was known
            self._complete(job)

    def recall(self, job: Job[Any, Any]) -> list[Chunk[Any]]:
        """See :class:`voicekit.running.acts.Desk`."""
        return [tag.chunk for tag in self._slots.cancel(
            lambda tag: isinstance(tag, Piece) and tag.job is job and not tag.strikes) if isinstance(tag, Piece)]

    def in_hand(self, stage: str) -> list[tuple[int, float]]:
        """See :class:`voicekit.running.acts.Desk`."""
        return self._timeline.in_hand(stage)

    def send(self, errand: Errand) -> None:
        """See :class:`voicekit.running.acts.Desk`."""
        self._slots.submit(errand, switch.measured(errand.work, errand.what), errand.task, urgent=True)

    def warm(self, workers: int, source: str) -> None:
        """See :class:`voicekit.running.acts.Desk`."""
        for _ in range(self._warmed, workers):
            self._slots.submit(Warming(source), switch.measured(load_engine, "transcribe"), self.crew.spec)
        self._warmed = max(self._warmed, workers)

    def end(self, outcome: Outcome, recording: Recording | None) -> None:
        """See :class:`voicekit.running.acts.Desk`."""
        course = self._courses.pop(recording.pcm, None) if recording is not None else None
        if course is not None:
            self._acts.pop(course)
            course.over = True
            self._remove(course)
        self._ahead.make_room()
        timeline = self._timeline.of(outcome.file)
        switch.timeline(outcome.file.name, timeline, self._timeline.zero)
        if outcome.transcript is not None:
            run = dataclasses.replace(outcome.transcript.run, timeline=timeline)
            outcome = dataclasses.replace(outcome, transcript=dataclasses.replace(outcome.transcript, run=run))
        self._outcomes.append(outcome)

    @staticmethod
    def _remove(course: Course) -> None:
        """Remove the decoded sound of a file, unless it is still being written: then the thread that does it will."""
        if course.prepared and course.recording is not None:
            Path(course.recording.pcm).unlink(missing_ok=True)

    # ---- jobs ----

    def _submit(self, piece: Piece) -> None:
        act = self._active[piece.job]
        work, task = act.task(piece.chunk)
        sharing = None if piece.strikes else act.sharing(piece.chunk)
        if sharing is not None:
            sharing = dataclasses.replace(sharing, work=switch.measured(sharing.work, act.stage))
        # A suspect goes first, and alone: if it is bad, that should be known early.
        self._slots.submit(piece, switch.measured(work, act.stage), task, urgent=piece.strikes > 0, sharing=sharing)

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
