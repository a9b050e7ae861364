"""How near a re-voiced recording is to its original: measured, and transcribed again by the same engine."""

from __future__ import annotations

import dataclasses
import re
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from voicekit.audio import encoding
from voicekit.errors import EngineMissingError, ProcessingError, VoicekitError
from voicekit.running.acts import Desk, Errand
from voicekit.running.preparation import Outcome, Prepared, prepare
from voicekit.running.transcribing import Transcribing
from voicekit.spoken import Sentence, Voicing
from voicekit.stages.revoicing import Manner
from voicekit.types import InputFile, Span, Transcript
from voicekit.worker.assembling import MeasureTask, measure_track
from voicekit.worker.speaking import AloneTask, Cast, speak_alone

TARGETS: Mapping[str, tuple[str, float, bool]] = {
    #                     for people            target  at most (or at least)
    "f0_rmse": ("F0 RMSE in cents", 80.0, True),
    "f0_correlation": ("log-F0 correlation", 0.95, False),
    "energy_correlation": ("energy correlation", 0.6, False),
    "duration_error": ("duration error in samples", 0.0, True),
    "overlap": ("overlap with the original's speech", 0.95, False),
    "wer_above_own": ("round-trip WER above the voice's own", 0.05, True),
}
"""What a result has to reach with the prosody of the original."""

TIMES_ONLY = ("duration_error", "wer_above_own")
"""What it has to reach without."""


def missed(measures: Mapping[str, float], *, prosody: bool) -> tuple[str, ...]:
    """The targets that were missed, as sentences.

    Examples
    --------
    >>> missed({"f0_rmse": 95.0, "overlap": 0.97}, prosody=True)
    ('F0 RMSE in cents is 95, not at most 80.',)
    """
    found = []
    for name, (label, target, at_most) in TARGETS.items():
        value = measures.get(name)
        if value is None or not (prosody or name in TIMES_ONLY):
            continue
        value = abs(value) if name == "duration_error" else value  # too short is as wrong as too long
        if value > target if at_most else value < target:
            found.append(f"{label} is {value:.3g}, not at {'most' if at_most else 'least'} {target:g}.")
    return tuple(found)


def plain(text: str) -> str:
    """Words as they are compared: lower case, no punctuation, ``ё`` as ``е``.

    Examples
    --------
    >>> plain("Well, it's Ёлка!")
    "well it's елка"
    """
    text = unicodedata.normalize("NFC", text).lower().replace("ё", "е").replace("’", "'")
    return " ".join(re.sub(r"[^\w' ]|_", " ", text).split())


def word_error_rate(said: str, heard: str) -> float:
    """WER of two texts, after :func:`plain`."""
    try:
        import jiwer
    except ImportError as error:
        raise EngineMissingError("To measure the result the package jiwer is needed.",
                                 'In voicekit\'s folder run: pip install -e ".[revoice]"') from error
    return float(jiwer.wer(plain(said), plain(heard))) if plain(said) else 0.0


@dataclass(eq=False)
class Comparing:
    """The third act of a file, where that is asked for.

    Parameters
    ----------
    desk, file, prepared, transcript
        As for :class:`voicekit.running.speaking.Speaking`.
    voicing : Voicing
        The result.
    sentences : tuple of Sentence
        What was said, in the order of the ledger.
    cast : Cast
        Who says it.
    manner : Manner
        How.
    """

    desk: Desk
    file: InputFile
    prepared: Prepared
    transcript: Transcript
    voicing: Voicing
    sentences: tuple[Sentence, ...]
    cast: Cast
    manner: Manner
    _measures: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Have F0, energy and times compared."""
        word_error_rate("", "")  # if that cannot be told, say so before the work
        spoken = [(Span(one.start, one.end), self.cast.speakers.get(one.speaker or ""),
                   self.cast.registers.get(self.cast.voices[one.speaker or ""].voice))
                  for one, entry in zip(self.sentences, self.voicing.sentences, strict=True)
                  if entry.status == "spoken"]
        task = MeasureTask(self.prepared.recording, self.voicing.track, self.voicing.rate,
                           self.voicing.samples, tuple(spoken))
        self.desk.send(Errand(
            self.file, self.prepared.recording, "measures", measure_track, task, self._measured,
            lambda why: ProcessingError(f"The workers end: {why}."), self._unmeasured))

    def _measured(self, measures: Mapping[str, float]) -> None:
        """Transcribe the result."""
        self._measures = dict(measures)
        sound = Path(self.voicing.track).with_name("again.wav")
        encoding.write(encoding.read_track(self.voicing.track), self.voicing.rate, self.voicing.samples, sound, "wav")
        self._transcribe(sound, f"{self.file.name} (spoken again)", self._heard)

    def _transcribe(self, sound: Path, name: str, then: Callable[[Transcript], None]) -> None:
        heard = dataclasses.replace(self.file, path=sound, name=name)
        prepared = prepare(heard, sound.parent, self.desk.options, self.desk.cache)
        Transcribing(self.desk, self.file, time.monotonic(), then, self.transcript.language,
                     self._unmeasured, "transcribe again").heard(prepared.part)

    def _heard(self, again: Transcript) -> None:
        self._measures["round_trip_wer"] = word_error_rate(self.transcript.text, again.text)
        if not self.desk.options.voicing.gate:
            self._end()
            return
        sound = Path(self.voicing.track).with_name("alone.wav")
        task = AloneTask(self.sentences, self.cast, self.manner, str(sound))
        self.desk.send(Errand(
            self.file, self.prepared.recording, "the voice by itself", speak_alone, task,
            lambda path: self._transcribe(Path(path), f"{self.file.name} (the voice by itself)", self._heard_alone),
            lambda why: ProcessingError(f"The workers end: {why}."), self._unmeasured))

    def _heard_alone(self, alone: Transcript) -> None:
        own = word_error_rate(" ".join(one.text for one in self.sentences), alone.text)
        self._measures["own_wer"] = own
        self._measures["wer_above_own"] = self._measures["round_trip_wer"] - own
        self._end()

    def _unmeasured(self, error: VoicekitError) -> None:
        """The voice is there; that nobody knows how near it is shall not cost it."""
        told = f"The result could not be measured: {error.message}"
        voicing = dataclasses.replace(self.voicing, measures=self._measures, missed=(told,),
                                      warnings=(*self.voicing.warnings, told))
        self.desk.end(Outcome(self.file, self.transcript, voicing=voicing), self.prepared.recording)

    def _end(self) -> None:
        voicing = dataclasses.replace(self.voicing, measures=self._measures,
                                      missed=missed(self._measures, prosody=self.manner.prosody != "fast"))
        self.desk.end(Outcome(self.file, self.transcript, voicing=voicing), self.prepared.recording)
