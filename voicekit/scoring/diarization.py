"""How well it was told who spoke when: DER and JER, computed by pyannote.metrics.

The diarization error rate is the time missed, heard where nobody spoke and given to the wrong speaker, over the time
that speakers speak in the reference (Fiscus et al., the NIST Rich Transcription 2006 evaluation). Labels are matched
so that as little as possible is wrong. The Jaccard error rate gives every speaker of the reference the same weight
(Ryant et al., the second DIHARD challenge, 2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicekit.errors import InputError
from voicekit.scoring import need, sweep
from voicekit.types import Span, Turn

LONG = 2000
"""Turns of both files together, beyond which :mod:`voicekit.scoring.sweep` counts instead of pyannote.metrics."""

COLLAR_DEFINITION = ("A collar is the total width around each boundary of the reference that is not scored "
                     "(pyannote's definition): 0.25 s leaves out 0.125 s on each side. "
                     "NIST's collar of 0.25 s on each side is 0.5 here.")


@dataclass(frozen=True, slots=True)
class Definition:
    """What is scored.

    Attributes
    ----------
    collar : float
        Seconds around each boundary of the reference that are left out; half of them on each side.
    skip_overlap : bool
        Whether to leave out where several people speak in the reference.
    """

    collar: float = 0.0
    skip_overlap: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """The result by one definition. Times in seconds.

    Attributes
    ----------
    speech : float
        Of the reference; time in which two people speak counts twice.
    missed, false_alarm, confusion : float
        What is wrong.
    speaker_error, speaker_count : float
        What the Jaccard error rate is computed from: the sum of every reference speaker's, and how many there are.
    """

    definition: Definition
    speech: float
    missed: float
    false_alarm: float
    confusion: float
    speaker_error: float
    speaker_count: float

    @property
    def der(self) -> float | None:
        """Diarization error rate; None where no speech is scored."""
        return (self.missed + self.false_alarm + self.confusion) / self.speech if self.speech > 0 else None

    @property
    def jer(self) -> float | None:
        """Jaccard error rate, 0 to 1; None where no speech is scored."""
        return self.speaker_error / self.speaker_count if self.speaker_count else None


@dataclass(frozen=True, slots=True)
class RecordingScores:
    """The results of one recording.

    Attributes
    ----------
    recording : str
        Its name in the files.
    region : tuple of Span
        What was scored of it.
    speakers, found : int
        How many speakers there are in the reference, and in the hypothesis.
    scores : tuple of Score
        One per definition.
    """

    recording: str
    region: tuple[Span, ...]
    speakers: int
    found: int
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class DiarizationScores:
    """The results of all recordings.

    Attributes
    ----------
    recordings : tuple of RecordingScores
        In the order of the reference.
    overall : tuple of Score
        One per definition, over the time (and, for the JER, over the speakers) of all recordings.
    warnings : tuple of str
        What was not as it should be, but could be scored.
    """

    recordings: tuple[RecordingScores, ...]
    overall: tuple[Score, ...]
    warnings: tuple[str, ...]


def score(reference: Mapping[str, Sequence[Turn]], hypothesis: Mapping[str, Sequence[Turn]],
          regions: Mapping[str, Sequence[Span]] | None = None,
          definitions: Sequence[Definition] = (Definition(),)) -> DiarizationScores:
    """Compare the turns that were found with those of a reference.

    Parameters
    ----------
    reference, hypothesis : mapping of str to sequence of Turn
        By recording. An empty hypothesis is a result too: everything was missed.
    regions : mapping of str to sequence of Span, optional
        What to score of each recording; by default from the first to the last turn of both. In a recording that is
        here but not in the reference nobody speaks.
    definitions : sequence of Definition, optional
        How to score.

    Raises
    ------
    InputError
        If the reference has no speech, or none of its recordings is in the others.
    EngineMissingError
        If pyannote.metrics is not installed.

    Examples
    --------
    >>> reference = {"talk": [Turn(0, 10, "Ann"), Turn(10, 20, "Bob")]}
    >>> hypothesis = {"talk": [Turn(0, 12, "A"), Turn(12, 20, "B")]}
    >>> round(score(reference, hypothesis).overall[0].der, 3)
    0.1
    """
    warnings: list[str] = []
    recordings = _recordings(reference, hypothesis, regions, warnings)
    results = []
    for name in recordings:
        said, heard = (_without_own_overlap(turns.get(name, ()), f"{name}, {kind}", warnings)
                       for turns, kind in ((reference, "reference"), (hypothesis, "hypothesis")))
        if len(said) + len(heard) > LONG:
            warnings.append(f"{name}: {len(said) + len(heard)} turns would take pyannote.metrics minutes; computed "
                            "in one pass by voicekit, to the same numbers.")
        region = tuple(regions[name]) if regions is not None else _extent([*said, *heard])
        results.append(RecordingScores(name, region, len({turn.speaker for turn in said}),
                                       len({turn.speaker for turn in heard}),
                                       tuple(_score(said, heard, region, each) for each in definitions)))
    overall = tuple(_sum([each.scores[at] for each in results]) for at in range(len(definitions)))
    if not any(one.speech for one in overall):
        raise InputError("No speech of the reference is left to be scored.",
                         "Check the times of the UEM file, and that the collar is shorter than the turns.")
    return DiarizationScores(tuple(results), overall, tuple(warnings))


def _recordings(reference: Mapping[str, Sequence[Turn]], hypothesis: Mapping[str, Sequence[Turn]],
                regions: Mapping[str, Sequence[Span]] | None, warnings: list[str]) -> list[str]:
    if not any(reference.values()):
        raise InputError("The reference has no speech: there is nothing to compare with.",
                         "Give the file with the true turns first, then the one to score.")
    if hypothesis and not hypothesis.keys() & reference.keys():
        raise InputError(f"The two files have no recording in common: {_named(reference)} in the reference, "
                         f"{_named(hypothesis)} in the hypothesis.",
                         "The recording's name is the second field of each line; make them equal.")
    if regions is not None and not regions.keys() & reference.keys():
        raise InputError(f"The UEM file has none of the reference's recordings: {_named(regions)} instead of "
                         f"{_named(reference)}.", "Its first field is the recording's name.")
    chosen = [name for name in reference if regions is None or name in regions]
    # A recording that the UEM names and the reference does not is one in which nobody speaks.
    chosen += [name for name in regions or () if name in hypothesis and name not in reference]
    known = {*reference, *chosen}
    for missing, why in (
            ([name for name in reference if name not in (reference if regions is None else regions)],
             "not in the UEM file, so not scored"),
            ([name for name in chosen if name not in hypothesis], "not in the hypothesis: all its speech is missed"),
            ([name for name in hypothesis if name not in known], "not in the reference, so not scored")):
        if missing:
            warnings.append(f"{_named(missing)}: {why}.")
    return chosen


def _named(names: Sequence[str] | Mapping[str, object]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _extent(turns: Sequence[Turn]) -> tuple[Span, ...]:
    return (Span(min(turn.start for turn in turns), max(turn.end for turn in turns)),) if turns else ()


def _without_own_overlap(turns: Sequence[Turn], where: str, warnings: list[str]) -> list[Turn]:
    """Turns of one speaker that overlap would count twice: nobody speaks twice at once."""
    joined: list[Turn] = []
    latest: dict[str, int] = {}
    for turn in sorted(turns, key=lambda turn: (turn.start, turn.end)):
        at = latest.get(turn.speaker)
        if at is not None and turn.start < joined[at].end:
            joined[at] = Turn(joined[at].start, max(joined[at].end, turn.end), turn.speaker)
        else:
            latest[turn.speaker] = len(joined)
            joined.append(turn)
    if len(joined) < len(turns):
        warnings.append(f"{where}: {len(turns) - len(joined)} turns overlap another one of the same speaker; joined.")
    return joined


def _score(reference: Sequence[Turn], hypothesis: Sequence[Turn], region: Sequence[Span],
           definition: Definition) -> Score:
    if len(reference) + len(hypothesis) > LONG:
        return Score(definition, *sweep.parts(reference, hypothesis, region, definition.collar,
                                              definition.skip_overlap))
    core = need("pyannote.core", "pyannote.metrics", "DER and JER")
    metrics = need("pyannote.metrics.diarization", "pyannote.metrics", "DER and JER")
    said, heard = (_annotation(core, turns) for turns in (reference, hypothesis))
    scored = core.Timeline([core.Segment(span.start, span.end) for span in region])
    options = {"collar": definition.collar, "skip_overlap": definition.skip_overlap}
    der = metrics.DiarizationErrorRate(**options)(said, heard, uem=scored, detailed=True)
    jer = metrics.JaccardErrorRate(**options)(said, heard, uem=scored, detailed=True)
    return Score(definition, float(der["total"]), float(der["missed detection"]), float(der["false alarm"]),
                 float(der["confusion"]), float(jer["speaker error"]), float(jer["speaker count"]))


def _annotation(core: Any, turns: Sequence[Turn]) -> Any:
    annotation = core.Annotation()
    for track, turn in enumerate(turns):
        annotation[core.Segment(turn.start, turn.end), track] = turn.speaker
    return annotation


def _sum(scores: Sequence[Score]) -> Score:
    return Score(scores[0].definition, *(sum(getattr(one, name) for one in scores) for name in (
        "speech", "missed", "false_alarm", "confusion", "speaker_error", "speaker_count")))
