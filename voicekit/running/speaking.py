"""The second act of a file, where that is asked for: from its transcript to the same words in another voice."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicekit.errors import ProcessingError
from voicekit.execution.work import Work
from voicekit.planning import chunks as chunking
from voicekit.profiling import step
from voicekit.running import casting
from voicekit.running.acts import Desk, Errand
from voicekit.running.events import Notice, Planned
from voicekit.running.jobs import Job
from voicekit.running.preparation import Outcome, Prepared
from voicekit.running.roundtrip import Comparing
from voicekit.spoken import Sentence, SentenceEntry, SentenceResult, Voicing
from voicekit.stages.revoicing import Manner
from voicekit.text.sentences import sentences
from voicekit.types import Chunk, InputFile, Recording, Transcript
from voicekit.worker.assembling import AssembleTask, Track, assemble_track
from voicekit.worker.speaking import Cast, CastTask, SpeakTask, cast_voices, rooms, speak_chunk

SpeakingJob = Job[Sentence, SentenceResult]

_GIVE_UP = "Try again; if it happens again, take fewer --workers or another --voice."


@dataclass(eq=False)
class Speaking:
    """One transcribed file on its way to another voice.

    Parameters
    ----------
    desk : Desk
        The run.
    file : InputFile
        The file.
    prepared : Prepared
        Its sound, and where speech is in it.
    transcript : Transcript
        Its words.
    """

    desk: Desk
    file: InputFile
    prepared: Prepared
    transcript: Transcript
    rescue: None = None
    stage: str = field(default="speak", init=False)
    _sentences: tuple[Sentence, ...] = ()
    _task: SpeakTask = field(init=False)
    _warnings: list[str] = field(default_factory=list)

    @property
    def _recording(self) -> Recording:
        return self.prepared.recording

    def begin(self) -> None:
        """Find the voices, and have the cast decided."""
        desk, options = self.desk, self.desk.options
        if not options.store.does("speak"):
            desk.end(Outcome(self.file, self.transcript), self._recording)
            return
        self._sentences = sentences(self.transcript.segments)
        manner = Manner(self.transcript.language.code, options.prosody, options.stress)
        if not self._sentences:  # then the language may not be known either, and nobody is needed to speak it
            self._tell("Nothing was said, so the result is silent." if not options.voicing.keep_background else
                       "Nothing was said, so the result is the background alone.")
            self._hand_out(Cast({}, {}, {}), manner)
            return
        with step("find the voices"):
            chosen = casting.specs(options, manner.language, {one.speaker for one in self._sentences})
        for notice in chosen.notices:
            self._tell(notice)
        manner = dataclasses.replace(manner, stress=chosen.stress)
        task = CastTask(self._recording, self._sentences, chosen.given, chosen.default, chosen.others, manner)
        self._errand("voices", cast_voices, task, lambda cast: self._hand_out(cast, manner))

    def _hand_out(self, cast: Cast, manner: Manner) -> None:
        desk, source = self.desk, self._recording.source
        folder = tempfile.mkdtemp(prefix="sentences-", dir=desk.folder)
        self._task = SpeakTask(Chunk(0, self._recording, ()), rooms(self._sentences, source.duration), cast, manner,
                               folder, desk.cache.folder, desk.options.store.may_read("speak"))
        found = desk.known.sentences(self._task, self._sentences)
        missing = [one for one in self._sentences if one.index not in found.results]
        seconds = chunking.chunk_seconds(missing, desk.options.plan.chunks, desk.crew.plan.workers)
        chunks = chunking.plan_chunks(self._recording, missing, 1, seconds)
        chunks = chunking.backwards(chunks) if found.shared else chunks
        desk.observe(Planned(source.name, source.duration, sum(one.duration for one in missing),
                             len(self._sentences), len(chunks), len(found.results), "sentences"))
        if found.damaged:
            self._tell(f"{found.damaged} damaged sentences in the cache were set aside; they are made again.")
        desk.hand_out(Job(self._recording, self._sentences, chunks, found.results), self)

    def task(self, chunk: Chunk[Any]) -> tuple[Work, Any]:
        """See :class:`voicekit.running.acts.Act`."""
        return speak_chunk, dataclasses.replace(self._task, chunk=chunk)

    def sharing(self, chunk: Chunk[Any]) -> None:
        """See :class:`voicekit.running.acts.Act`."""

    def complete(self, job: Job[Any, Any]) -> None:
        """See :class:`voicekit.running.acts.Act`."""
        self._warnings += job.warnings
        given_up = {index: SentenceResult("failed", why) for index, why in job.given_up.items()}
        results: dict[int, SentenceResult] = {**job.results, **given_up}
        task = AssembleTask(str(self.file.path), self._recording, self.prepared.spans,
                            tuple((one.start, results[one.index]) for one in self._sentences),
                            self.desk.options.voicing.keep_background,
                            str(Path(self._task.folder, "track.f32")), self.desk.options.max_duration)
        self._errand("assembly", assemble_track, task, lambda track: self._assembled(track, results))

    def _assembled(self, track: Track, results: dict[int, SentenceResult]) -> None:
        voices = {label: spec.voice for label, spec in self._task.cast.voices.items()}
        voicing = Voicing(
            track.path, track.rate, track.samples, track.start, voices,
            tuple(self._entry(one, results[one.index]) for one in self._sentences),
            options={**dataclasses.asdict(self._task.manner),
                     "keep_background": self.desk.options.voicing.keep_background},
            warnings=tuple(dict.fromkeys((*self.desk.warnings, *self._warnings))))
        if self.desk.options.voicing.measure and any(one.status == "spoken" for one in voicing.sentences):
            Comparing(self.desk, self.file, self.prepared, self.transcript, voicing, self._sentences,
                      self._task.cast, self._task.manner).begin()
        else:
            self.desk.end(Outcome(self.file, self.transcript, voicing=voicing), self._recording)

    def _entry(self, sentence: Sentence, result: SentenceResult) -> SentenceEntry:
        voice = self._task.cast.voices[sentence.speaker or ""].voice
        gap = max(0.0, result.end - sentence.duration) if result.status == "spoken" else 0.0
        return SentenceEntry(sentence.start, sentence.end, sentence.text, sentence.speaker,
                             f"{voice.engine}:{voice.name}", result.status, result.reason, result.pace,
                             round(gap, 3), result.notes)

    def _errand(self, what: str, work: Work, task: Any, then: Callable[[Any], None]) -> None:
        self.desk.send(Errand(self.file, self._recording, what, work, task, then, lambda why: ProcessingError(
            f"{self.file.name} could not be spoken again ({what}): {why}.", _GIVE_UP)))

    def _tell(self, message: str) -> None:
        self._warnings.append(message)
        self.desk.observe(Notice(message, self._recording.source.name))
