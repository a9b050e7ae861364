"""How well it was told what was said, and by whom: WER and CER by jiwer, cpWER and tcpWER by meeteval.

The concatenated minimum-permutation WER (Watanabe et al., CHiME-6, 2020) compares all words of one speaker with all
words of another, for the best matching of speakers: a right word of the wrong speaker is an error twice. The
time-constrained one (von Neumann et al., MeetEval, 2023) lets words match only where their times are near.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from voicekit.errors import InputError
from voicekit.scoring import need
from voicekit.scoring.normalising import characters, normalise, rules, script, words
from voicekit.scoring.utterances import Said, Utterance

TCP_COLLAR = 5.0
"""Seconds by which words may lie apart in the tcpWER; what MeetEval's authors and the CHiME-8 challenge use."""

MOST_SPEAKERS = 20
"""What meeteval takes for a mistake beyond."""

NOBODY = "(no speaker)"
"""The stream of the words that have no speaker, beside those that have."""


@dataclass(frozen=True, slots=True)
class Errors:
    """What an error rate is computed from.

    Attributes
    ----------
    length : int
        Words (or characters) of the reference.
    substituted, deleted, inserted : int
        How many are wrong, missing and surplus.
    """

    length: int
    substituted: int
    deleted: int
    inserted: int

    @property
    def rate(self) -> float | None:
        """Errors over length; None where the reference has no words."""
        return (self.substituted + self.deleted + self.inserted) / self.length if self.length else None

    def __add__(self, other: Errors) -> Errors:
        return Errors(*(getattr(self, one.name) + getattr(other, one.name) for one in dataclasses.fields(Errors)))


@dataclass(frozen=True, slots=True)
class TextScores:
    """The results of one recording, or of all. Those with speakers are None where either side knows none."""

    recording: str
    wer: Errors
    cer: Errors
    cp_wer: Errors | None = None
    tcp_wer: Errors | None = None


@dataclass(frozen=True, slots=True)
class TranscriptScores:
    """The results of all recordings.

    Attributes
    ----------
    recordings : tuple of TextScores
        In the order of the reference.
    overall : TextScores
        Over the words of all of them.
    language : str or None
        Whose rules were used.
    normaliser : tuple of str
        What was done to both texts before they were compared.
    notes : tuple of str
        What was not computed, and why; what was not as it should be.
    """

    recordings: tuple[TextScores, ...]
    overall: TextScores
    language: str | None
    normaliser: tuple[str, ...]
    notes: tuple[str, ...]


def score(reference: Said, hypothesis: Said, language: str | None = None, *,
          with_speakers: bool = True) -> TranscriptScores:
    """Compare a transcript with a reference.

    Parameters
    ----------
    reference, hypothesis : Said
        As from :func:`voicekit.scoring.utterances.read_said`. Where each holds one recording, its name does not
        matter. A hypothesis without words is a result too.
    language : str, optional
        Code, for the normaliser; by default what the files say.
    with_speakers : bool, optional
        Whether to compute cpWER where both sides know speakers, and tcpWER where they know times as well.

    Raises
    ------
    InputError
        If the reference has no words, there is no recording in common, or the languages differ.
    EngineMissingError
        If jiwer is not installed, or meeteval where it is needed.

    Examples
    --------
    >>> said = Said((Utterance("", "Good morning to all."),))
    >>> heard = Said((Utterance("", "good morning two all"),))
    >>> score(said, heard).overall.wer
    Errors(length=4, substituted=1, deleted=0, inserted=0)
    """
    notes = [*reference.warnings, *hypothesis.warnings]
    language = _language(reference, hypothesis, language)
    pairs = _pairs(reference.utterances, hypothesis.utterances, notes)
    pairs = [_Pair(pair.recording, _normalised(pair.said, language), _normalised(pair.heard, language))
             for pair in pairs]
    _check(pairs, notes)
    modes = _modes(pairs, notes) if with_speakers else ()
    results = [_scores(pair, modes) for pair in pairs]
    overall = TextScores("", _sum(one.wer for one in results), _sum(one.cer for one in results),
                         _sum(one.cp_wer for one in results) if "cp" in modes else None,
                         _sum(one.tcp_wer for one in results) if "tcp" in modes else None)
    right = overall.wer.length - overall.wer.substituted - overall.wer.deleted
    if right < 0.05 * overall.wer.length and overall.wer.deleted < overall.wer.length:
        notes.append("Hardly a word is the same: are these the same recording, and the same language?")
    return TranscriptScores(tuple(results), overall, language, rules(language), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Pair:
    recording: str
    said: list[Utterance]
    heard: list[Utterance]


def _language(reference: Said, hypothesis: Said, asked: str | None) -> str | None:
    for kind, said in (("reference", reference), ("hypothesis", hypothesis)):
        if asked and said.language and said.language != asked:
            raise InputError(f"The {kind} is in another language: {said.language}, not {asked}.",
                             "Leave out --language, or compare other files.")
    if reference.language and hypothesis.language and reference.language != hypothesis.language:
        raise InputError(f"The reference is in {reference.language}, the hypothesis in {hypothesis.language}: they "
                         "cannot be compared.", "Transcribe again, with --language.")
    return asked or reference.language or hypothesis.language


def _check(pairs: Sequence[_Pair], notes: list[str]) -> None:
    """Whether there are words to compare, in letters that can be compared."""
    said = " ".join(one.text for pair in pairs for one in pair.said)
    heard = " ".join(one.text for pair in pairs for one in pair.heard)
    if not said.strip():
        raise InputError("The reference has no words: there is nothing to compare with.",
                         "Give the file with the true words first, then the one to score.")
    if not heard.strip():
        notes.append("The hypothesis has no words.")
    scripts = script(said), script(heard)
    if None not in scripts and scripts[0] != scripts[1]:
        raise InputError(f"The reference is written in {str(scripts[0]).title()} letters, the hypothesis in "
                         f"{str(scripts[1]).title()} letters: these are two languages.",
                         "Compare files of one recording in one language.")


def _pairs(reference: Sequence[Utterance], hypothesis: Sequence[Utterance], notes: list[str]) -> list[_Pair]:
    said, heard = _by_recording(reference), _by_recording(hypothesis)
    if len(said) <= 1 and len(heard) <= 1:
        name = next(iter([*filter(None, (*said, *heard))]), "")
        return [_Pair(name, list(reference), list(hypothesis))]
    if not said.keys() & heard.keys():
        raise InputError("The two files have no recording in common: the reference has "
                         f"{', '.join(list(said)[:3])}, the hypothesis {', '.join(list(heard)[:3])}.",
                         "Make the names of the recordings equal.")
    for names, why in (([name for name in said if name not in heard], "missing in the hypothesis: all words deleted"),
                       ([name for name in heard if name not in said], "not in the reference, so not scored")):
        if names:
            notes.append(f"{', '.join(names[:3])}{' and more' if len(names) > 3 else ''}: {why}.")
    return [_Pair(name, said[name], heard.get(name, [])) for name in said]


def _by_recording(utterances: Sequence[Utterance]) -> dict[str, list[Utterance]]:
    found: dict[str, list[Utterance]] = {}
    for one in utterances:
        found.setdefault(one.recording, []).append(one)
    return found


def _normalised(side: list[Utterance], language: str | None) -> list[Utterance]:
    """Cleaned words in order of time, where that is known."""
    timed = all(one.start is not None for one in side)
    ordered = sorted(side, key=lambda one: one.start or 0.0) if timed else side
    return [dataclasses.replace(one, text=normalise(one.text, language)) for one in ordered]


# -- measures ------------------------------------------------------------------------------------------------------

def _modes(pairs: Sequence[_Pair], notes: list[str]) -> tuple[str, ...]:
    sides = [[one for pair in pairs for one in pair.said], [one for pair in pairs for one in pair.heard]]
    without = [kind for kind, side in zip(("reference", "hypothesis"), sides, strict=True)
               if not any(one.speaker for one in side)]
    if without:
        notes.append(f"No cpWER: the {' and the '.join(without)} name{'s' if len(without) == 1 else ''} no speakers.")
        return ()
    if any(one.start is None or one.end is None for side in sides for one in side):
        notes.append("No tcpWER: not all utterances have times.")
        return ("cp",)
    return ("cp", "tcp")


def _scores(pair: _Pair, modes: Sequence[str]) -> TextScores:
    jiwer = need("jiwer", "jiwer", "WER and CER")
    said, heard = (" ".join(one.text for one in side if one.text) for side in (pair.said, pair.heard))
    return TextScores(pair.recording,
                      _from_jiwer(jiwer.process_words([" ".join(words(said))], [" ".join(words(heard))])),
                      _from_jiwer(jiwer.process_characters([characters(said)], [characters(heard)])),
                      _by_speaker(pair, "cp") if "cp" in modes else None,
                      _by_speaker(pair, "tcp") if "tcp" in modes else None)


def _from_jiwer(result: Any) -> Errors:
    return Errors(result.hits + result.substitutions + result.deletions, result.substitutions, result.deletions,
                  result.insertions)


def _by_speaker(pair: _Pair, mode: str) -> Errors:
    meeteval = need("meeteval.wer", "meeteval", "cpWER and tcpWER")
    segments = need("meeteval.io", "meeteval", "cpWER and tcpWER").SegLST
    most = max(len({one.speaker for one in side}) for side in (pair.said, pair.heard))
    if most > MOST_SPEAKERS:
        raise InputError(f"There are {most} speakers, and cpWER is computed for at most {MOST_SPEAKERS}.",
                         "Leave it out with --no-speakers.")
    # The utterances are in order of time already; their times are given only where they decide what may match.
    said, heard = (segments([{"session_id": "", "speaker": one.speaker or NOBODY, "words": " ".join(words(one.text)),
                              **({"start_time": one.start, "end_time": one.end} if mode == "tcp" else {})}
                             for one in side]) for side in (pair.said, pair.heard))
    if mode == "cp":
        result = meeteval.cp_word_error_rate(said, heard, reference_sort=False, hypothesis_sort=False)
    else:
        result = meeteval.time_constrained_minimum_permutation_word_error_rate(said, heard, collar=TCP_COLLAR)
    return Errors(int(result.length), int(result.substitutions), int(result.deletions), int(result.insertions))


def _sum(results: Iterable[Errors | None]) -> Errors:
    return sum((one for one in results if one is not None), start=Errors(0, 0, 0, 0))
