"""What earlier runs have left for this one, and the other way round."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from voicekit.errors import UsageError
from voicekit.options import RunOptions, Stage
from voicekit.profiling import step
from voicekit.running.crew import Crew
from voicekit.protocols import DiarizerSpec
from voicekit.speakers import Heard, Stretch
from voicekit.spoken import Sentence, SentenceResult
from voicekit.stages import transcription
from voicekit.store import Cache
from voicekit.store.presence import Presence
from voicekit.types import Recording, U, Window, WindowResult
from voicekit.worker.diarizing import from_json as heard_from_json
from voicekit.worker.diarizing import heard_name
from voicekit.worker.speaking import SpeakTask, place, restore, sentence_name
from voicekit.worker.transcribing import DetectTask, language_name, window_name


Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Found(Generic[Result]):
    """Results that are there already.

    Attributes
    ----------
    results : dict of int to result
        By index of the window or sentence.
    damaged : int
        Entries that were set aside on the way.
    shared : bool
        Whether another run is on the same recording at this moment.
    first : str
        What the first of the units is called in the store; empty where there is none.
    """

    results: dict[int, Result]
    damaged: int
    shared: bool
    first: str = ""


class Known:
    """The store, as the stages of a run ask it.

    Parameters
    ----------
    cache : Cache
        Where results are.
    options : RunOptions
        Which stages may be taken from it, and which must be in it.
    """

    def __init__(self, cache: Cache, options: RunOptions) -> None:
        self._cache = cache
        self._options = options
        self._presence = Presence(cache.folder) if cache.folder is not None else None

    def close(self) -> None:
        """The run is over."""
        if self._presence is not None:
            self._presence.close()

    def language(self, task: DetectTask, crew: Crew) -> dict[str, float] | None:
        """The languages that were detected before in the same windows.

        Raises
        ------
        UsageError
            If they must be there, and are not.
        """
        store = self._options.store
        found = None
        if store.may_read("transcribe"):
            found = self._cache.get(self._language_name(task, crew), _probabilities)
        if found is None and store.must_find("transcribe"):
            raise UsageError(f"{task.recording.source.name} was not transcribed before with this cache and "
                             "these options.", "Run it without --from first, or give its --language.")
        return found

    def keep_language(self, task: DetectTask, crew: Crew, found: dict[str, float]) -> None:
        """Keep what was detected."""
        self._cache.put(self._language_name(task, crew), found)

    @staticmethod
    def _language_name(task: DetectTask, crew: Crew) -> str:
        return language_name(dataclasses.replace(task, engine=crew.placed))

    def windows(self, recording: Recording, plan: Sequence[Window], crew: Crew,
                language: str) -> Found[WindowResult]:
        """The windows that were transcribed before: all of a recording's, or some that follow one another.

        Whether another run is on them is not told; see :meth:`share`.

        Raises
        ------
        UsageError
            If all must be there, and some are not.
        """
        decoding = self._options.decoding(language)
        return self._found("transcribe", f"windows of {recording.source.name} were not transcribed", plan,
                           lambda window: window_name(crew.placed, decoding, recording, window),
                           lambda window: transcription.from_json, share=False)

    def share(self, job: str) -> bool:
        """Tell other runs that this one is on a job; whether another is on it already.

        Parameters
        ----------
        job : str
            The same in every run that does the same.
        """
        return self._presence is not None and self._presence.begin(job[:32])

    def sentences(self, task: SpeakTask, sentences: Sequence[Sentence]) -> Found[SentenceResult]:
        """The sentences that were spoken before; their sound is put into the task's folder.

        Raises
        ------
        UsageError
            If all must be there, and some are not.
        """
        return self._found("speak", f"sentences of {task.chunk.recording.source.name} were not spoken", sentences,
                           lambda sentence: sentence_name(task, sentence),
                           lambda sentence: functools.partial(restore, into=place(task, sentence)))

    def stretches(self, recording: Recording, plan: Sequence[Stretch], spec: DiarizerSpec,
                  device: str) -> Found[Heard]:
        """The stretches that were listened to before.

        Raises
        ------
        UsageError
            If all must be there, and some are not.
        """
        return self._found("diarize", f"stretches of {recording.source.name} were not listened to", plan,
                           lambda stretch: heard_name(spec, device, recording, stretch),
                           lambda stretch: heard_from_json)

    def _found(self, stage: Stage, what: str, units: Sequence[U], name: Callable[[U], str],
               parse: Callable[[U], Callable[[Any], Result]], *, share: bool = True) -> Found[Result]:
        """Look up the results of units, each by its name."""
        if self._cache.folder is None or not units:
            return Found({}, 0, False)
        store, damaged = self._options.store, self._cache.damaged
        with step("name the results"):
            names = {unit.index: name(unit) for unit in units}
        results: dict[int, Result] = {}
        if store.may_read(stage):
            stored = {unit.index: self._cache.get(names[unit.index], parse(unit)) for unit in units}
            results = {index: result for index, result in stored.items() if result is not None}
        if store.must_find(stage) and len(results) < len(units):
            raise UsageError(f"{len(units) - len(results)} of the {len(units)} {what} before with this cache and "
                             "these options.", "Run it without --from first: it does only what is missing.")
        shared = (share and len(results) < len(units)
                  and self.share(hashlib.sha256("".join(names.values()).encode()).hexdigest()))
        return Found(results, self._cache.damaged - damaged, shared, names[units[0].index])


def _probabilities(value: Any) -> dict[str, float]:
    return {str(code): float(probability) for code, probability in value.items()}
