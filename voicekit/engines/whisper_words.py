"""Whisper's tokens and alignments turned into segments and words, one window at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from voicekit.types import Segment, Word

TIMESTAMPS = 1501
"""Timestamp tokens of every Whisper, from 0 to 30 s by 20 ms."""

MAX_WORD = 0.7
"""Seconds beyond which the usual length of a word in a window is not believed."""

SENTENCE_ENDS = frozenset(".。!！?？")
OPENING = frozenset("\"'“¿([{-")
CLOSING = frozenset("\"'.。,，!！?？:：”)]}、")


@dataclass(slots=True)
class Timing:
    """A word as the alignment gives it: the text with its spaces, and seconds."""

    word: str
    start: float
    end: float
    probability: float


class Vocabulary(Protocol):
    """What tells text from timestamps."""

    timestamp_begin: int

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens; special ones are left out."""
        ...


def split(tokens: Sequence[int], vocabulary: Vocabulary, length: float) -> tuple[Segment, ...]:
    """Cut the tokens at the timestamps; text after the last one goes to the end of the window."""
    segments: list[Segment] = []
    start = 0.0
    pending: list[int] = []
    # A last timestamp closes whatever is still open.
    for token in [*tokens, vocabulary.timestamp_begin + TIMESTAMPS - 1]:
        if token < vocabulary.timestamp_begin:
            pending.append(token)
            continue
        time = min((token - vocabulary.timestamp_begin) / 50, length)
        text = vocabulary.text(pending).strip()
        if text:
            segments.append(Segment(start, max(start, time), text))
        start, pending = max(start, time), []
    return tuple(segments)


def aligned(timings: list[Timing], length: float) -> tuple[Segment, ...]:
    """One segment with the words in order, inside the window; a later stage splits it into sentences."""
    words: list[Word] = []
    clock = 0.0
    for timing in _merge_punctuation(_shorten(timings)):
        start = min(max(float(timing.start), clock), length)
        clock = min(max(float(timing.end), start), length)
        space = " " if timing.word[:1].isspace() else ""
        words.append(Word(start, clock, space + timing.word.strip(), float(timing.probability)))
    if not words:
        return ()
    return (Segment(words[0].start, words[-1].end, "".join(word.word for word in words).strip(), tuple(words)),)


def _shorten(timings: list[Timing]) -> list[Timing]:
    """Take the pause out of words that border on one: attention holds on to them until the next begins."""
    durations = [timing.end - timing.start for timing in timings if timing.end > timing.start]
    if not durations:
        return timings
    longest = 2 * min(float(np.median(durations)), MAX_WORD)
    after_pause = True
    for timing in timings:
        ends = timing.word.strip() in SENTENCE_ENDS
        if timing.end - timing.start > longest:
            if ends:
                timing.end = timing.start + longest
            elif after_pause:
                timing.start = timing.end - longest
        after_pause = ends
    return timings


def _merge_punctuation(timings: list[Timing]) -> list[Timing]:
    """Join opening marks to the word that follows and closing ones to the word before; their own
    times are meaningless."""
    words: list[Timing] = []
    held = ""
    for timing in timings:
        mark = timing.word.strip()
        if not mark or (timing.word[0].isspace() and OPENING.issuperset(mark)):
            held += timing.word
        elif words and not held and not timing.word[0].isspace() and CLOSING.issuperset(mark):
            words[-1].word += timing.word
        else:
            timing.word = held + timing.word
            held = ""
            words.append(timing)
    if held.strip():
        if words:
            words[-1].word += held
        else:
            words.append(Timing(held, timings[0].start, timings[-1].end, timings[-1].probability))
    return words
