"""One sentence in another voice: spelled out, stressed, spoken, and fitted into the time of the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.errors import EngineMissingError
from voicekit.options import Quality
from voicekit.profiling import step
from voicekit.prosody.transfer import transfer
from voicekit.protocols import Samples, Stresser, Synthesizer
from voicekit.spoken import Fitted, Register, Sentence, SentenceResult, Spoken
from voicekit.text.spelling import spell
from voicekit.types import Span

SLOWEST, FASTEST = 0.7, 1.7
"""Times its own pace that a voice is asked to speak; what is left is done by the transfer of prosody."""

NEAR_ENOUGH = 0.08
"""A voice whose pace is nearer to what is needed than this share is not asked again."""

BEFORE = AFTER = 0.15
"""Seconds of the original around a sentence that its melody and loudness are read from."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How sentences are to be spoken: decided once for the recording.

    Attributes
    ----------
    language : str
        Language code.
    prosody : {"fast", "normal", "high"}
        As :attr:`voicekit.options.RunOptions.prosody`.
    stress : bool
        Whether stressed vowels are marked.
    """

    language: str
    prosody: Quality
    stress: bool


def speak(sentence: Sentence, room: float, original: Samples, synthesizer: Synthesizer, stresser: Stresser | None,
          manner: Manner, speaker: Register | None,
          voice: Register | None) -> tuple[SentenceResult, NDArray[np.int16]]:
    """Say a sentence of a transcript.

    Parameters
    ----------
    sentence : Sentence
        What is said, with the times of its words.
    room : float
        Seconds from the sentence's start until something else is said.
    original : ndarray, shape (samples,), float32
        The recording from :data:`BEFORE` seconds before the sentence, at 16 kHz.
    synthesizer : Synthesizer
        The new voice.
    stresser : Stresser or None
        Marks stressed vowels.
    manner : Manner
        For all sentences.
    speaker, voice : Register or None
        How high the original's speaker and the new voice speak.

    Returns
    -------
    SentenceResult
        Without a path.
    ndarray, shape (samples,), int16
        Its sound.

    Raises
    ------
    ValueError
        If the synthesizer cannot speak this text.
    """
    with step("spell"):
        words = spell(sentence.words, manner.language)
    if not any(word.text for word in words):
        return SentenceResult("skipped", f"nothing in {sentence.text!r} can be said"), np.zeros(0, np.int16)
    if stresser is not None:
        with step("stress"):
            words = stresser.stress(words, manner.language)
    with step("synthesize"):
        spoken = synthesizer.speak(words, manner.language)
    own = _speech(spoken.words).duration
    wanted = own / sentence.duration if sentence.duration else 1.0
    if synthesizer.paces and abs(np.log(max(wanted, 1e-3))) > NEAR_ENOUGH:
        with step("synthesize"):
            spoken = synthesizer.speak(words, manner.language, float(np.clip(wanted, SLOWEST, FASTEST)))
    anchors = [Span(word.start - sentence.start, word.end - sentence.start) for word in sentence.words]
    with step("follow the original"):
        fitted = transfer(original, BEFORE, anchors, spoken, speaker, voice, room, manner.prosody)
    if not len(fitted.samples):
        return SentenceResult("skipped", "; ".join(fitted.notes)), np.zeros(0, np.int16)
    return _result(fitted, own), _pcm(fitted)


def _result(fitted: Fitted, own: float) -> SentenceResult:
    now = _speech(fitted.words)
    return SentenceResult("spoken", samples=len(fitted.samples), rate=fitted.rate, lead=fitted.lead, end=now.end,
                          pace=round(own / now.duration, 3) if now.duration else 1.0, notes=fitted.notes)


def _speech(words: Sequence[Span | None]) -> Span:
    """From the first word to the last."""
    said = [word for word in words if word is not None]
    return Span(said[0].start, said[-1].end) if said else Span(0.0, 0.0)


def _pcm(fitted: Fitted) -> NDArray[np.int16]:
    # A gain may have pushed single peaks over full scale: the whole sentence is softened, nothing is clipped.
    peak = float(np.abs(fitted.samples).max(initial=0.0))
    pcm: NDArray[np.int16] = np.rint(fitted.samples * (32767 / max(peak, 1.0))).astype(np.int16)
    return pcm


def spoken_alone(sentences: Sequence[Sentence], language: str, synthesizer: Synthesizer) -> list[Spoken]:
    """The sentences as the voice says them by itself, to learn its register; without those it cannot say."""
    said = []
    for sentence in sentences:
        words = spell(sentence.words, language)
        if any(word.text for word in words):
            try:
                said.append(synthesizer.speak(words, language))
            except (MemoryError, EngineMissingError):
                raise
            except Exception:
                continue  # its own turn will tell why
    return said
