"""The first act of a file: from its decoded sound to a transcript, with how it was made."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicekit.errors import ProcessingError
from voicekit.execution.slots import Work
from voicekit.options import RunOptions
from voicekit.planning import chunks as chunking
from voicekit.profiling import step
from voicekit.provenance import CacheUse, RunInfo
from voicekit.running.acts import Desk, Errand, Rescue
from voicekit.running.crew import Crew
from voicekit.running.events import Notice, Planned
from voicekit.running.jobs import Job
from voicekit.running.preparation import Outcome, Prepared
from voicekit.stages import merging
from voicekit.types import Chunk, InputFile, Language, Recording, Transcript, Window, WindowResult
from voicekit.version import __version__
from voicekit.worker.transcribing import DetectTask, TranscribeTask, detect_language, transcribe_chunk

DETECTION_SPEECH = 60.0
"""Seconds of speech, from the first, that the language is told from."""

UNDETERMINED = "und"
"""ISO 639-2's code where nothing was said, or nothing could tell the language."""

TranscriptionJob = Job[Window, WindowResult]


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

    Parameters
    ----------
    desk : Desk
        The run.
    file : InputFile
        The file.
    prepared : Prepared
        Its sound, and where speech is in it.
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
    prepared: Prepared
    began: float
    then: Callable[[Transcript], None]
    language: Language | None = None
    rescue: Rescue | None = None
    stage: str = "transcribe"
    _made: Made = field(init=False)

    @property
    def _recording(self) -> Recording:
        return self.prepared.recording

    def begin(self) -> None:
        """Ask for the language, unless that is known or does not matter; then hand the windows out."""
        desk, crew = self.desk, self.desk.crew
        profile = crew.choice.adapter.profile
        if not desk.options.store.does("transcribe"):
            self._only_planned()
        elif desk.options.language is not None:
            self._hand_out(Language(desk.options.language), crew)
        elif self.language is not None:
            self._in_language(self.language)
        elif not self.prepared.spans or "detection" not in profile.supports:
            only = profile.languages if profile.languages and len(profile.languages) == 1 else {UNDETERMINED}
            self._hand_out(Language(*only), crew)
        else:
            self._detect()

    def _only_planned(self) -> None:
        plan, source = self.prepared.windows(self.desk.crew.window), self._recording.source
        to_do = sum(window.duration for window in plan)
        self.desk.observe(Planned(source.name, source.duration, to_do, len(plan), 0))
        self.desk.end(Outcome(self.file), self._recording)

    def _detect(self) -> None:
        crew = self.desk.crew
        assert crew.spec is not None
        task = DetectTask(self._recording, _first_speech(self.prepared.windows(crew.window)), crew.spec)

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

    def _detected(self, found: dict[str, float]) -> None:
        code = max(sorted(found), key=lambda one: found[one])
        self._in_language(Language(code, found[code]))

    def _in_language(self, language: Language) -> None:
        russian = self.desk.russian() if language.code == "ru" else None
        self._hand_out(language, russian or self.desk.crew)

    def _hand_out(self, language: Language, crew: Crew) -> None:
        desk, source = self.desk, self._recording.source
        plan = self.prepared.windows(crew.window)
        found = desk.known.windows(self._recording, plan, crew, language.code)
        missing = [window for window in plan if window.index not in found.results]
        seconds = chunking.chunk_seconds(missing, desk.options.plan.chunks, desk.crew.plan.workers)
        chunks = chunking.plan_chunks(self._recording, missing, crew.plan.batch_size, seconds)
        # Two runs of one recording begin at its two ends, and each finds what the other has done.
        chunks = chunking.backwards(chunks) if found.shared else chunks
        self._made = Made(language, crew, self.began, found.damaged)
        to_do = sum(window.duration for window in missing)
        desk.observe(Planned(source.name, source.duration, to_do, len(plan), len(chunks), len(found.results)))
        if found.damaged:
            desk.observe(Notice(f"{found.damaged} damaged results in the cache were set aside; they are made again.",
                                source.name))
        if found.shared:
            desk.observe(Notice("Another run is working on the same recording: the two share the work.", source.name))
        desk.hand_out(Job(self._recording, plan, chunks, found.results), self)

    def task(self, chunk: Chunk[Any]) -> tuple[Work, Any]:
        """See :class:`voicekit.running.acts.Act`."""
        desk, made = self.desk, self._made
        assert made.crew.spec is not None
        return transcribe_chunk, TranscribeTask(chunk, made.crew.spec, desk.options.decoding(made.language.code),
                                                desk.cache.folder, desk.options.store.may_read("transcribe"))

    def complete(self, job: Job[Any, Any]) -> None:
        """See :class:`voicekit.running.acts.Act`."""
        desk = self.desk
        with step("merge", source=self._recording.source.name):
            transcript = transcript_of(job, self._made, desk.options, desk.crew.plan.workers, desk.warnings)
        self.then(transcript)


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
    told = (*crew.plan.warnings, *job.recording.warnings, *warnings, *job.warnings)
    return RunInfo(
        engine=crew.choice.name,
        model=model.name,
        revision=model.revision,
        device=", ".join(sorted(job.devices)) or crew.plan.devices[0],
        compute_type=crew.plan.compute_type,
        version=__version__,
        options={"quality": options.quality, **decoding, "batch_size": crew.plan.batch_size,
                 "chunks": options.plan.chunks, "workers": workers, "threads": crew.plan.threads},
        downgrades=(*crew.choice.downgrades, *job.downgrades),
        warnings=tuple(dict.fromkeys(told)),
        wall_seconds=round(time.monotonic() - made.began, 3),
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
