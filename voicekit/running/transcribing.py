"""The first act of a file: from its sound, while that is being decoded, to a transcript with how it was made."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import audio
from voicekit.engines.choice import may_be_russian
from voicekit.errors import ProcessingError, VoicekitError
from voicekit.execution.work import Sharing, Work
from voicekit.options import RunOptions
from voicekit.planning import chunks as chunking
from voicekit.planning.windows import WindowPlan
from voicekit.profiling import step
from voicekit.provenance import CacheUse, RunInfo
from voicekit.running.acts import Desk, Errand, Rescue
from voicekit.running.crew import Crew
from voicekit.running.events import Notice, Planned
from voicekit.running.jobs import Job
from voicekit.running.preparation import Outcome, Part, Prepared
from voicekit.stages import merging
from voicekit.types import Chunk, InputFile, Language, Recording, Transcript, Window, WindowResult
from voicekit.version import __version__
from voicekit.worker.transcribing import (
    DetectTask, TranscribeTask, detect_language, transcribe_chunk, transcribe_together)

DETECTION_SPEECH = 60.0
"""Seconds of speech, from the first, that the language is told from."""

UNDETERMINED = "und"
"""ISO 639-2's code where nothing was said, or nothing could tell the language."""

TranscriptionJob = Job[Window, WindowResult]
Batch = tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """What a transcript needs beside the job's results: who made it, since when, and what the store lacked."""

    language: Language
    crew: Crew
    began: float
    damaged: int


@dataclass(eq=False)
class Transcribing:
    """One file on its way to a transcript.

    It is planned as far as it is heard, and its batches are handed out one by one. When all of it is heard, those
    that no worker has begun are gathered into chunks. Windows and batches are those of the whole recording.

    Parameters
    ----------
    desk : Desk
        The run.
    file : InputFile
        The file.
    began : float
        When its decoding began, by :func:`time.monotonic`.
    then : callable
        Gets the transcript.
    language : Language or None
        Where it is known already.
    rescue : callable or None
        As in :class:`voicekit.running.acts.Act`.
    stage : str
        What it is called on the timeline.
    """

    desk: Desk
    file: InputFile
    began: float
    then: Callable[[Transcript], None]
    language: Language | None = None
    rescue: Rescue | None = None
    stage: str = "transcribe"
    _parts: list[Part] = field(default_factory=list)
    _plan: WindowPlan = field(init=False)
    _windows: list[Window] = field(default_factory=list)
    _detecting: bool = False
    _made: Made | None = None
    _job: TranscriptionJob | None = None
    _missing: list[Window] = field(default_factory=list)  # not enough for a batch yet
    _held: list[Batch] = field(default_factory=list)  # to be handed out backwards, when the whole is known
    _first: str = ""  # what the first window is called in the store; so is the job, among runs that share it
    _shared: bool | None = None
    _found: int = 0
    _damaged: int = 0
    _to_do: float = 0.0
    _chunks: int = 0

    def __post_init__(self) -> None:
        self._plan = WindowPlan(self._read, self.desk.crew.window)

    @property
    def prepared(self) -> Prepared:
        """Its sound, and where speech is in it, as far as it is heard."""
        return Prepared.of(self._parts)

    @property
    def _recording(self) -> Recording:
        return self._parts[-1].recording

    def heard(self, part: Part) -> None:
        """More of the recording is known: plan it, and hand it out if the language is known."""
        self._parts.append(part)
        with step("plan the windows", source=self._recording.source.name):
            self._divide(part)
        if not self.desk.options.store.does("transcribe"):
            self._only_planned()
        elif self._made is not None:
            self._hand_out(self._made)
        elif self._detecting:
            self._warm()
        else:
            self._choose_language()

    def _read(self, start: int, stop: int) -> NDArray[np.int16]:
        return audio.read_pcm(self._recording, start, stop)

    def _divide(self, part: Part) -> None:
        try:
            self._windows += self._plan.add(part.spans, part.frames)
            self._windows += self._plan.end(part.recording.samples) if part.whole else ()
        except VoicekitError:
            raise
        except Exception as error:  # anything: it must end this file, and not the run
            raise ProcessingError(f"{self.file.name} cannot be divided: {type(error).__name__}: {error}") from error

    def _only_planned(self) -> None:
        source, whole = self._recording.source, self._parts[-1].whole
        to_do = sum(window.duration for window in self._windows)
        self.desk.observe(Planned(source.name, source.duration, to_do, len(self._windows), 0, whole=whole))
        if whole:
            self.desk.end(Outcome(self.file), self._recording)

    # ---- the language ----

    def _choose_language(self) -> None:
        """Ask for it, as soon as enough is heard, unless it is known or does not matter."""
        desk, crew, whole = self.desk, self.desk.crew, self._parts[-1].whole
        profile = crew.choice.adapter.profile
        if desk.options.language is not None:
            self._begin(Language(desk.options.language), crew)
        elif self.language is not None:
            self._in_language(self.language)
        elif "detection" not in profile.supports or whole and not self._windows:
            only = profile.languages if profile.languages and len(profile.languages) == 1 else {UNDETERMINED}
            self._begin(Language(*only), crew)
        else:
            first = _first_speech(self._windows)
            if whole or sum(span.duration for window in first for span in window.speech) >= DETECTION_SPEECH:
                self._detect(first)

    def _detect(self, first: tuple[Window, ...]) -> None:
        crew = self.desk.crew
        assert crew.spec is not None
        self._detecting = True
        task = DetectTask(self._recording, first, crew.spec)

        def detected(found: dict[str, float]) -> None:
            self.desk.known.keep_language(task, crew, found)
            self._detected(found)

        found = self.desk.known.language(task, crew)
        if found is not None:
            self._detected(found)
            return
        self.desk.send(Errand(
            self.file, self._recording, "language", detect_language, task, detected,
            lambda why: ProcessingError(f"The language could not be detected: {why}.", "Give it with --language.")))
        self._warm()

    def _warm(self) -> None:
        """Workers that will have something to do load their model while another one tells the language."""
        desk = self.desk
        if not may_be_russian(desk.options):  # then it is another model that they would need
            batches = -(-len(self._windows) // desk.crew.plan.batch_size)
            desk.warm(min(batches, desk.crew.plan.workers) - 1, self._recording.source.name)

    def _detected(self, found: dict[str, float]) -> None:
        code = max(sorted(found), key=lambda one: found[one])
        self._in_language(Language(code, found[code]))

    def _in_language(self, language: Language) -> None:
        russian = self.desk.russian() if language.code == "ru" else None
        self._begin(language, russian or self.desk.crew)

    # ---- the windows ----

    def _begin(self, language: Language, crew: Crew) -> None:
        """Language and engine are known: hand out what is planned, for that engine's windows."""
        if crew.window != self.desk.crew.window:
            self._plan, self._windows = WindowPlan(self._read, crew.window), []
            with step("plan the windows", source=self._recording.source.name):
                for part in self._parts:
                    self._divide(part)
        self._made = Made(language, crew, self.began, 0)
        self._job = Job(self._recording, (), (), whole=False)
        self._hand_out(self._made)

    def _hand_out(self, made: Made) -> None:
        """Look up the windows that are new, and hand out the batches that are sure."""
        assert self._job is not None
        desk, crew, job, whole = self.desk, made.crew, self._job, self._parts[-1].whole
        new = self._windows[len(job.units):]
        # Where all must be in the store, the error says how many are not.
        if not whole and (not new or desk.options.store.must_find("transcribe")):
            return
        found = desk.known.windows(self._recording, new, crew, made.language.code)
        missing = [window for window in new if window.index not in found.results]
        self._first = self._first or found.first
        self._found += len(found.results)
        self._damaged += found.damaged
        if missing and self._shared is None:
            self._shared = desk.known.share(self._first)
        self._missing += missing
        self._to_do += sum(window.duration for window in missing)
        size = crew.plan.batch_size if whole else crew.early_batch
        count = len(self._missing) if whole else len(self._missing) // size * size
        ready = chunking.plan_batches(self._missing[:count], size)
        del self._missing[:count]
        job.more(self._recording, new, self._gathered(job, ready, crew, whole), found.results, whole=whole)
        self._tell(job, whole)
        desk.hand_out(job, self)
        if self._missing and crew is desk.crew:  # a worker will be needed as soon as the batch is whole
            desk.warm(1, self._recording.source.name)

    def _gathered(self, job: TranscriptionJob, ready: Sequence[Batch], crew: Crew,
                  whole: bool) -> Sequence[Chunk[Window]]:
        """Chunks to hand out: each batch by itself at first; all that are left, when the whole is known."""
        desk, recording = self.desk, self._recording
        if whole:
            recalled = desk.recall(job)
            batches = [*(batch for chunk in recalled for batch in chunk.batches), *self._held, *ready]
            batches.sort(key=lambda batch: batch[0].index)
            left = [window for batch in batches for window in batch]
            if crew.any_batch:
                batches = list(crew.divided(left, still_on(job, left, crew, desk.in_hand(self.stage))))
            seconds = chunking.chunk_seconds(left, desk.options.plan.chunks, desk.crew.plan.workers)
            chunks = chunking.gather(recording, batches, seconds)
            # Two runs of one recording begin at its two ends, and each finds what the other has done.
            chunks = chunking.backwards(chunks) if self._shared else chunks
            self._chunks -= len(recalled)
        elif self._shared:
            self._held += ready
            chunks = ()
        else:
            chunks = tuple(Chunk(self._chunks + number, recording, (batch,)) for number, batch in enumerate(ready))
        self._chunks += len(chunks)
        return chunks

    def _tell(self, job: TranscriptionJob, whole: bool) -> None:
        observe, source = self.desk.observe, self._recording.source
        observe(Planned(source.name, source.duration, self._to_do, len(job.units), self._chunks,
                        self._found, whole=whole))
        if whole and self._damaged:
            observe(Notice(f"{self._damaged} damaged results in the cache were set aside; they are made again.",
                           source.name))
        if whole and self._shared:
            observe(Notice("Another run is working on the same recording: the two share the work.", source.name))

    def task(self, chunk: Chunk[Any]) -> tuple[Work, Any]:
        """See :class:`voicekit.running.acts.Act`."""
        desk, made = self.desk, self._made
        assert made is not None and made.crew.spec is not None
        return transcribe_chunk, TranscribeTask(chunk, made.crew.spec, desk.options.decoding(made.language.code),
                                                desk.cache.folder, desk.options.store.may_read("transcribe"))

    def sharing(self, chunk: Chunk[Any]) -> Sharing | None:
        """See :class:`voicekit.running.acts.Act`. Short recordings, and what is left of a long one, share a batch."""
        assert self._made is not None
        crew, size = self._made.crew, len(chunk.units)
        most = crew.plan.batch_size
        if not crew.any_batch or len(chunk.batches) > 1 or size >= most:
            return None
        _, task = self.task(chunk)
        kind = (task.engine, task.options, task.store)
        # The batches of a recording are such that its workers begin soon, and end together.
        return Sharing(kind, size, most, transcribe_together, apart=self)

    def complete(self, job: Job[Any, Any]) -> None:
        """See :class:`voicekit.running.acts.Act`."""
        desk = self.desk
        assert self._made is not None
        made = dataclasses.replace(self._made, damaged=self._damaged)
        with step("merge", source=self._recording.source.name):
            transcript = transcript_of(job, made, desk.options, desk.crew.plan.workers, desk.warnings)
        self.then(transcript)


def still_on(job: TranscriptionJob, left: Sequence[Window], crew: Crew,
             in_hand: Sequence[tuple[int, float]]) -> list[float]:
    """About how many windows each of the workers that have begun is still on.

    Parameters
    ----------
    job : Job
        The recording.
    left : sequence of Window
        What nobody has taken.
    crew : Crew
        Who is at work.
    in_hand : sequence of (int, float)
        Of each worker that has told that it begins: how many windows, and how many are still to be done.
    """
    known = {*job.results, *job.given_up, *(window.index for window in left)}
    # What is taken by those that have not told yet: they load the model, or have done so just now.
    taken = sum(window.index not in known for window in job.units) - sum(count for count, _ in in_hand)
    others = min(crew.plan.workers - len(in_hand), math.ceil(taken / crew.early_batch))
    return [*(some for _, some in in_hand), *[taken / max(others, 1)] * others]


def transcript_of(job: TranscriptionJob, made: Made, options: RunOptions, workers: int,
                  warnings: Sequence[str]) -> Transcript:
    """Merge the windows of a job; `warnings` are those of the whole run."""
    given_up = {index: WindowResult("failed", reason=why) for index, why in job.given_up.items()}
    results = {**job.results, **given_up}
    return Transcript(
        source=job.recording.source,
        language=made.language,
        segments=merging.merge(job.units, results),
        ledger=merging.ledger(job.units, results),
        run=_run_info(job, made, options, workers, warnings),
        partial=job.recording.partial,
    )


def _run_info(job: TranscriptionJob, made: Made, options: RunOptions, workers: int,
              warnings: Sequence[str]) -> RunInfo:
    crew = made.crew
    model = crew.choice.model
    assert model is not None
    decoding = dataclasses.asdict(options.decoding(made.language.code))
    arithmetic = crew.choice.adapter.profile.arithmetic(crew.plan.compute_type)
    told = (*crew.plan.warnings, *job.recording.warnings, *warnings, *job.warnings)
    return RunInfo(
        engine=crew.choice.name,
        model=model.name,
        revision=model.revision,
        device=", ".join(sorted(job.devices)) or crew.plan.devices[0],
        compute_type=crew.plan.compute_type,
        version=__version__,
        options={"quality": options.quality, **decoding, "batch_size": crew.plan.batch_size,
                 "chunks": options.plan.chunks, "workers": workers, "threads": crew.plan.threads,
                 **({"arithmetic": arithmetic} if arithmetic else {})},  # another processor may write other words
        downgrades=(*crew.choice.downgrades, *job.downgrades),
        warnings=tuple(dict.fromkeys(told)),
        wall_seconds=round(time.monotonic() - made.began, 3),
        decoded_again=sum(result.again for result in job.results.values()),
        cache=CacheUse(job.found, len(job.results) - job.found, made.damaged) if options.store.enabled else None,
    )


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
