"""Window results to one transcript: by time, into sentences, with a ledger of what became of all speech.

Engines return what they like in a window: one long segment, or several. Here the words of the whole
recording are put in order and divided again by one rule, at sentence ends and at pauses; so segments do
not show where windows were cut.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from voicekit.types import LedgerEntry, Segment, Window, WindowResult, Word

PAUSE = 0.8
"""Seconds without a word that end a segment."""

PAUSE_WITHOUT_PUNCTUATION = 0.35
"""The same for engines that write no full stops: the pause is then all there is to tell sentences by."""

LONGEST_SEGMENT = 30.0
"""Seconds after which a segment without a sentence end is divided at its longest pause."""

_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！", "؟", "।")
_CLOSERS = "\"'»”’)]"


def merge(windows: Sequence[Window], results: Mapping[int, WindowResult]) -> tuple[Segment, ...]:
    """Segments of the whole recording, in order of time.

    Parameters
    ----------
    windows : sequence of Window
        The plan.
    results : mapping of int to WindowResult
        By window index; a missing one has no words.
    """
    moved = [_move(segment, window) for window in windows if window.index in results
             for segment in results[window.index].segments]
    punctuated = any(closes(word) for segment in moved for word in segment.words)
    pause = PAUSE if punctuated else PAUSE_WITHOUT_PUNCTUATION
    segments: list[Segment] = []
    words: list[Word] = []
    for segment in moved:
        if segment.words:
            words.extend(segment.words)
            continue
        segments += _sentences(words, pause)
        words = []
        segments.append(segment)
    return (*segments, *_sentences(words, pause))


def ledger(windows: Sequence[Window], results: Mapping[int, WindowResult]) -> tuple[LedgerEntry, ...]:
    """What became of every second of detected speech, in order of time."""
    missing = WindowResult("failed", reason="not processed")
    return tuple(
        LedgerEntry(span.start, span.end, window.index, result.status, result.reason)
        for window in windows
        for result in [results.get(window.index, missing)]
        for span in window.speech
    )


def _move(segment: Segment, window: Window) -> Segment:
    """From the window's time to the recording's, without the silence that an alignment holds on to."""
    def place(start: float, end: float) -> tuple[float, float]:
        start, end = (min(max(window.start + time, window.start), window.end) for time in (start, end))
        # The first word of a window is aligned from the window's start on, and pauses fall to some word.
        heard = [span for span in window.speech if span.start < end and span.end > start]
        return (max(start, heard[0].start), min(end, heard[-1].end)) if heard else (start, end)

    words = []
    for word in segment.words:
        start, end = place(word.start, word.end)
        words.append(dataclasses.replace(word, start=start, end=end))
    start, end = (words[0].start, words[-1].end) if words else place(segment.start, segment.end)
    return dataclasses.replace(segment, start=start, end=end, words=tuple(words))


def _sentences(words: Sequence[Word], pause: float) -> Iterable[Segment]:
    sentence: list[Word] = []
    for word in words:
        if sentence and (ends_sentence(sentence[-1], word) or word.start - sentence[-1].end >= pause):
            yield from _shortened(sentence)
            sentence = []
        sentence.append(word)
    if sentence:
        yield from _shortened(sentence)


def closes(word: Word) -> bool:
    """Whether a word bears a full stop, a question mark or the like."""
    return word.word.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS)


def ends_sentence(word: Word, following: Word) -> bool:
    """Whether a sentence ends between two words.

    A full stop inside a number or a name ("3.5", "example.com") has no space after it.
    """
    if not closes(word):
        return False
    return following.word.startswith(" ") or word.word.rstrip(_CLOSERS)[-1] in "。？！"


def _shortened(words: Sequence[Word]) -> Iterable[Segment]:
    """Divide what is too long at its longest pause, until nothing is."""
    if words[-1].end - words[0].start > LONGEST_SEGMENT and len(words) > 1:
        # A pause near the middle is worth more than one near an end, so no crumbs are left.
        def worth(index: int) -> tuple[float, int]:
            pause = max(0.0, words[index].start - words[index - 1].end)
            off_centre = abs(2 * index - len(words)) / len(words)
            return (pause + 0.01) * (1 - off_centre), -index

        cut = max(range(1, len(words)), key=worth)
        yield from _shortened(words[:cut])
        yield from _shortened(words[cut:])
        return
    text = "".join(word.word for word in words).strip()
    yield Segment(words[0].start, words[-1].end, text, tuple(words))
