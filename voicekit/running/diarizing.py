"""The act between words and files, where that is asked for: who said what."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from voicekit.errors import ProcessingError, UsageError, VoicekitError
from voicekit.execution.work import Work
from voicekit.planning import chunks as chunking
from voicekit.protocols import DiarizerSpec
from voicekit.profiling import step
from voicekit.provenance import CacheUse, SpeakersInfo
from voicekit.running.acts import Desk, Errand
from voicekit.running.events import Notice, Planned
from voicekit.running.jobs import Job
from voicekit.running.known import Found
from voicekit.running.preparation import Outcome, Prepared
from voicekit.running.telling_apart import TellingApart
from voicekit.speakers import Diarization, Heard, Stretch
from voicekit.stages.attribution import attribute
from voicekit.stages.naming import names_of
from voicekit.types import Chunk, InputFile, Recording, Transcript, Turn
from voicekit.worker.channels import ChannelsTask, speaking_channels
from voicekit.worker.diarizing import ConcludeTask, ListenTask, conclude, listen_chunk, nobody

DiarizingJob = Job[Stretch, Heard]


@dataclass(eq=False)
class Diarizing:
    """One transcribed file on its way to speakers. Whatever fails here, its words are kept.

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
    chosen : TellingApart
        What tells speakers apart.
    then : callable
        Gets the transcript with speakers.
    """

    desk: Desk
    file: InputFile
    prepared: Prepared
    transcript: Transcript
    chosen: TellingApart
    then: Callable[[Transcript], None]
    stage: str = field(default="diarize", init=False)
    _stretches: tuple[Stretch, ...] = ()
    _found: Found[Heard] = field(default_factory=lambda: Found({}, 0, False))
    _job: DiarizingJob | None = None
    _warnings: list[str] = field(default_factory=list)
    _lost: list[str] = field(default_factory=list)
    _told: bool = False

    @property
    def _recording(self) -> Recording:
        return self.prepared.recording

    def rescue(self, error: VoicekitError) -> None:
        """Nobody can be told apart; the words are worth having all the same."""
        # What was asked for makes no sense, or speakers are known and it was what comes after that failed.
        if isinstance(error, UsageError) or self._told:
            self.desk.end(Outcome(self.file, error=error), self._recording)
            return
        message = f"Speakers could not be told apart: {error.message}"
        self.desk.observe(Notice(f"{message} {error.hint}".strip(), self._recording.source.name, downgrade=True))
        self._lost.append(message)
        self._go_on(self._with(self.transcript, self._info(0, {}, 0)))

    def begin(self) -> None:
        """Lay the grid over the recording and hand its stretches out."""
        for notice in (*self.chosen.downgrades, *self.chosen.notices):
            self._warnings.append(notice)
        if self.chosen.adapter is None:
            task = ChannelsTask(str(self.file.path), self._recording, self.desk.options.max_duration)
            self._errand("channels", speaking_channels, task)
            return
        spec, source, desk = self._spec(), self._recording.source, self.desk
        self._stretches = self.chosen.adapter.plan(spec.model, self._recording.samples, self.prepared.spans)
        if not self._stretches:
            self._concluded(Diarization())
            return
        self._found = desk.known.stretches(self._recording, self._stretches, spec, self.chosen.device)
        missing = [one for one in self._stretches if one.index not in self._found.results]
        seconds = chunking.chunk_seconds(missing, desk.options.plan.chunks, desk.crew.plan.workers)
        chunks = chunking.plan_chunks(self._recording, missing, 1, seconds)
        chunks = chunking.backwards(chunks) if self._found.shared else chunks
        desk.observe(Planned(source.name, source.duration, sum(one.duration for one in missing),
                             len(self._stretches), len(chunks), len(self._found.results), "stretches"))
        if self._found.damaged:
            self._tell(f"{self._found.damaged} damaged results in the cache were set aside; they are made again.")
        desk.hand_out(Job(self._recording, self._stretches, chunks, self._found.results), self)

    def task(self, chunk: Chunk[Any]) -> tuple[Work, Any]:
        """See :class:`voicekit.running.acts.Act`."""
        return listen_chunk, ListenTask(chunk, self._spec(), self.desk.cache.folder,
                                        self.desk.options.store.may_read("diarize"))

    def sharing(self, chunk: Chunk[Any]) -> None:
        """See :class:`voicekit.running.acts.Act`."""

    def complete(self, job: Job[Any, Any]) -> None:
        """See :class:`voicekit.running.acts.Act`."""
        self._job = job
        self._warnings += [*job.warnings, *job.downgrades]
        if not job.results:
            raise ProcessingError(f"Nothing could be listened to: {next(iter(job.given_up.values()))}.",
                                  "Try again with fewer --workers, or another --diarize engine.")
        known = list(job.results.values())
        for index, why in job.given_up.items():
            lost = self._stretches[index]
            self._lost.append(f"From {lost.start:.1f} to {lost.end:.1f} s nobody could be told apart: {why}")
        heard = tuple(job.results[one.index] if one.index in job.results else nobody(one, known)
                      for one in self._stretches)
        self._errand("clustering", conclude, ConcludeTask(self._recording, self._spec(), self._stretches, heard,
                                                          self.desk.options.speakers.bounds))

    def _spec(self) -> DiarizerSpec:
        assert self.chosen.spec is not None, "a run fetches what it needs before it begins"
        return self.chosen.spec

    def _concluded(self, found: Diarization) -> None:
        """Give the speakers their names, and the words to the speakers."""
        for warning in found.warnings:
            self._tell(warning)
        names = names_of(found, self.desk.options.speakers.names, self.chosen.people, self.chosen.threshold)
        for warning in names.warnings:
            self._tell(warning)
        with step("attribute", source=self._recording.source.name):
            attributed = attribute(self.transcript.segments, names.turns(found.turns), names.turns(found.exclusive))
        if attributed.unattributed:
            self._tell(f"{attributed.unattributed} words have no speaker: nobody is heard near them.")
        turns = names.turns(found.turns)
        info = self._info(len({turn.speaker for turn in turns}), names.how, attributed.unattributed)
        self._go_on(self._with(dataclasses.replace(self.transcript, segments=attributed.segments), info, turns))

    def _go_on(self, transcript: Transcript) -> None:
        self._told = True
        self.then(transcript)

    def _with(self, transcript: Transcript, info: SpeakersInfo, turns: tuple[Turn, ...] = ()) -> Transcript:
        # What was lost is a failure, and everything else that was told belongs into the record too.
        warnings = tuple(dict.fromkeys((*transcript.run.warnings, *self._warnings, *self._lost)))
        return dataclasses.replace(transcript, turns=turns,
                                   run=dataclasses.replace(transcript.run, speakers=info, warnings=warnings))

    def _info(self, found: int, how: Mapping[str, str], unattributed: int) -> SpeakersInfo:
        chosen, asked, job = self.chosen, self.desk.options.speakers, self._job
        cached = CacheUse(job.found, len(job.results) - job.found, self._found.damaged) \
            if job is not None and self.desk.options.store.enabled else None
        options = {"speakers": asked.speakers, "min_speakers": asked.min_speakers,
                   "max_speakers": asked.max_speakers, "speaker_names": list(asked.names),
                   "known_speakers": None if asked.known is None else sorted(chosen.people or ()),
                   "known_threshold": chosen.threshold if asked.known is not None else None}
        device = job.where if job is not None and job.devices else chosen.device
        model = chosen.spec.model if chosen.spec is not None else None
        return SpeakersInfo(
            asked.engine if chosen.adapter is None else chosen.adapter.profile.name, model.name if model else "",
            model.revision if model else "", device, options, found, how, tuple(self._warnings), unattributed,
            cached, tuple(self._lost))

    def _errand(self, what: str, work: Work, task: Any) -> None:
        def failed(why: str) -> ProcessingError:
            return ProcessingError(f"{what}: {why}.", "Try again with fewer --workers, or another --diarize engine.")

        self.desk.send(Errand(self.file, self._recording, what, work, task, self._concluded, failed, self.rescue))

    def _tell(self, message: str) -> None:
        self._warnings.append(message)
        self.desk.observe(Notice(message, self._recording.source.name))
