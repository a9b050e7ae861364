"""When each word is said: the original's times, as far as a voice can be made to keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voicekit.prosody.pitch import Contour
from voicekit.types import Span

QUICKEST, SLOWEST = 2.0, 0.5
"""How many times as fast as by itself a word may be said. Speech at twice its pace is still understood word by word
(Foulke and Sticht 1969 put the fall of intelligibility beyond that), and speech at half its pace is about what people
do when they draw a word out; past either, grains are dropped or repeated until it sounds like a machine."""

PAUSE = 0.06
"""Seconds between two words that are a pause; less is how one word runs into the next, or the closure of a t."""

_TAIL = 0.06
"""Seconds of a spoken pause that are kept beside each word: its release, a breath."""

_TOLD = 0.1
"""Seconds by which a word must miss its time to be worth a note."""

_SHORTEST = 0.02
"""Seconds that any word lasts."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Which moment of the spoken sentence, and which of the original, is heard at a moment of the result.

    Attributes
    ----------
    output, spoken, original : ndarray, shape (knots,)
        The same moments on three clocks, in seconds, straight lines between; each ascends, and may stand still where
        another goes on. ``output`` and ``original`` count from the sentence's start, ``spoken`` from the first
        sample.
    silent : tuple of Span
        Where nothing is to be heard: pauses that are longer than what the voice left between two words.
    words : tuple of (Span or None)
        Where the words are in the result.
    stretch : float
        Length in the result by what the voice said by itself.
    notes : tuple of str
        What could not be kept.
    """

    output: Contour
    spoken: Contour
    original: Contour
    silent: tuple[Span, ...]
    words: tuple[Span | None, ...]
    stretch: float
    notes: tuple[str, ...] = ()

    @property
    def start(self) -> float:
        """Seconds from the sentence's start to the first word."""
        return float(self.output[0])

    @property
    def end(self) -> float:
        """Seconds from the sentence's start to the end of the last word."""
        return float(self.output[-1])


@dataclass(slots=True)
class _Unit:
    """Words that are timed as one, because one side does not tell them apart."""

    first: int
    last: int
    original: Span
    spoken: Span
    start: float = 0.0
    end: float = 0.0

    @property
    def least(self) -> float:
        return self.spoken.duration / QUICKEST

    @property
    def most(self) -> float:
        return self.spoken.duration / SLOWEST


def word_by_word(anchors: Sequence[Span | None], spoken: Sequence[Span | None], length: float,
                 room: float) -> Timing:
    """Every word at the time of the original's, its pauses too.

    A word that would have to be said more than twice as fast is late in its end, and so may be those after it, until
    they have caught up; one that would have to be drawn out beyond twice its length leaves the rest to a pause.

    Parameters
    ----------
    anchors : sequence of (Span or None)
        Per word its time in the original, seconds from the sentence's start; None where it has none.
    spoken : sequence of (Span or None)
        Per word its time in what the voice said; None where nothing of it was said, or not apart from its neighbour.
    length : float
        Seconds that the voice said in all, for where it gives no words.
    room : float
        Seconds from the sentence's start until the next one may begin.
    """
    units = _units(anchors, spoken, length)
    notes: list[str] = []
    ready = units[0].original.start
    for unit in units:
        unit.start = max(unit.original.start, ready)
        wanted = unit.original.end - unit.start
        unit.end = unit.start + min(max(wanted, unit.least), unit.most)
        ready = unit.end
    _into_room(units, room)
    _close_gaps(units)
    for unit in units:
        notes += _missed(unit)
    return _timing(units, spoken, room, notes)


def as_one(anchors: Sequence[Span | None], spoken: Sequence[Span | None], length: float, room: float) -> Timing:
    """The sentence as the voice says it, from the original's first word; faster only where it must be.

    Parameters
    ----------
    anchors, spoken, length, room
        As in :func:`word_by_word`.
    """
    whole = _whole(anchors, spoken, length)
    unit = _Unit(0, max(len(spoken) - 1, 0), *whole)
    unit.start = unit.original.start
    unit.end = unit.start + min(unit.spoken.duration, max(room - unit.start, unit.least))
    return _timing([unit], spoken, room, [])


def _whole(anchors: Sequence[Span | None], spoken: Sequence[Span | None], length: float) -> tuple[Span, Span]:
    timed = [span for span in anchors if span is not None]
    said = [span for span in spoken if span is not None]
    voice = Span(said[0].start, max(said[-1].end, said[0].start + _SHORTEST)) if said else Span(
        0.0, max(length, _SHORTEST))
    start = _onset(anchors, spoken)
    return Span(start, max(timed[-1].end, start + _SHORTEST) if timed else start + voice.duration), voice


def _onset(anchors: Sequence[Span | None], spoken: Sequence[Span | None]) -> float:
    """Where the first word that is said begins: where the transcript has it, otherwise at the sentence's start."""
    first = next((index for index, span in enumerate(spoken) if span is not None), 0)
    later = [span.start for span in anchors[first:] if span is not None]
    if first < len(anchors) and anchors[first] is not None:
        return later[0]
    return min([0.0, *later[:1]])


def _pace(anchors: Sequence[Span | None], spoken: Sequence[Span | None]) -> float:
    """How much longer than the voice the original takes over the words that both have."""
    both = [(anchor, said) for anchor, said in zip(anchors, spoken, strict=True)
            if anchor is not None and said is not None]
    theirs, ours = sum(anchor.duration for anchor, _ in both), sum(said.duration for _, said in both)
    return min(max(theirs / ours, 1 / QUICKEST), 1 / SLOWEST) if ours > 0 else 1.0


def _units(anchors: Sequence[Span | None], spoken: Sequence[Span | None], length: float) -> list[_Unit]:
    """Words that both sides tell apart; what one of them lacks joins a neighbour."""
    whole, voice = _whole(anchors, spoken, length)
    pace = _pace(anchors, spoken)
    units: list[_Unit] = []
    waiting: Span | None = None  # said, but with no time in the original, before any unit
    ready = whole.start
    for index, (anchor, said) in enumerate(zip(anchors, spoken, strict=True)):
        if anchor is not None and (said is not None or units):  # times that overlap are put in order
            start = max(anchor.start, ready)
            anchor = Span(start, max(anchor.end, start + _SHORTEST))
            ready = anchor.end
        if anchor is not None and said is not None:
            spans = anchor, said
            if waiting is not None:
                spans = Span(whole.start, anchor.end), Span(waiting.start, said.end)
                waiting = None
            units.append(_Unit(index, index, *spans))
        elif said is not None and units:
            _join(units[-1], index, units[-1].original.end, said.end)
        elif said is not None:
            waiting = said if waiting is None else Span(waiting.start, said.end)
        elif anchor is not None and units and _belongs(units[-1], anchor, pace):
            _join(units[-1], index, anchor.end, units[-1].spoken.end)
    if not units:
        return [_Unit(0, max(len(spoken) - 1, 0), whole, voice)]
    for unit, after in zip(units, [*units[1:], None], strict=True):
        end = after.original.start if after is not None else max(whole.end, unit.original.end)
        if unit.last > unit.first and spoken[unit.last] is not None and anchors[unit.last] is None:
            # The word without a time lies before the next one: as much of that as it needs at the sentence's pace.
            wanted = unit.original.start + unit.spoken.duration * pace
            unit.original = Span(unit.original.start, max(unit.original.end, min(end, wanted)))
        if unit.spoken.duration < _SHORTEST:
            unit.spoken = Span(unit.spoken.start, unit.spoken.start + _SHORTEST)
    return units


def _join(unit: _Unit, index: int, original: float, spoken: float) -> None:
    unit.last = index
    unit.original = Span(unit.original.start, original)
    unit.spoken = Span(unit.spoken.start, max(spoken, unit.spoken.start))


def _belongs(unit: _Unit, anchor: Span, pace: float) -> bool:
    """Whether the voice said this word together with the one before it, rather than not at all."""
    alone = unit.original.duration / max(unit.spoken.duration * pace, 1e-3)
    together = (anchor.end - unit.original.start) / max(unit.spoken.duration * pace, 1e-3)
    return bool(abs(np.log(together)) < abs(np.log(max(alone, 1e-3))))


def _into_room(units: list[_Unit], room: float) -> None:
    """From the last word backwards: earlier and quicker, down to the least, if the sentence runs past its room."""
    latest = room
    for unit in reversed(units):
        if unit.end <= latest:
            break
        unit.end = latest
        unit.start = min(unit.start, latest - unit.least)
        latest = unit.start
    ready = units[0].original.start  # never before the onset: what is still too long is trimmed
    for unit in units:
        length = max(unit.end - unit.start, unit.least)
        if unit.start < ready:
            unit.start, unit.end = ready, max(unit.end, ready + unit.least)
        else:
            unit.end = unit.start + length
        ready = unit.end


def _close_gaps(units: list[_Unit]) -> None:
    """What is no pause belongs to the word before it, as far as that can be drawn out."""
    for unit, after in zip(units, units[1:], strict=False):
        if 0 < after.start - unit.end < PAUSE:
            unit.end = min(after.start, unit.start + max(unit.most, unit.end - unit.start))
        if 0 < after.spoken.start - unit.spoken.end < PAUSE:
            unit.spoken = Span(unit.spoken.start, after.spoken.start)


def _missed(unit: _Unit) -> list[str]:
    name = f"word {unit.first + 1}" if unit.first == unit.last else f"words {unit.first + 1}-{unit.last + 1}"
    late, short = unit.end - unit.original.end, unit.original.end - unit.end
    if late > _TOLD:
        return [f"{name}: ends {late:.2f} s late, said at {QUICKEST:g} times its own pace"]
    if short > _TOLD and unit.end - unit.start > unit.most - 1e-6:
        return [f"{name}: ends {short:.2f} s early, drawn out to {1 / SLOWEST:g} times its own length"]
    return []


def _timing(units: list[_Unit], spoken: Sequence[Span | None], room: float, notes: list[str]) -> Timing:
    output: list[float] = []
    said: list[float] = []
    original: list[float] = []
    silent: list[Span] = []
    for number, unit in enumerate(units):
        if number:
            before = units[number - 1]
            pause, own = unit.start - before.end, unit.spoken.start - before.spoken.end
            if pause > max(own, 0) + 0.01:
                tail = min(own / 2, _TAIL) if own >= PAUSE / 2 else 0.0
                output += [before.end + tail, unit.start - tail]
                said += [before.spoken.end + tail, unit.spoken.start - tail]
                original += [before.original.end + tail, unit.original.start - tail]
                silent.append(Span(before.end + tail, unit.start - tail))
        output += [unit.start, unit.end]
        said += [unit.spoken.start, unit.spoken.end]
        original += [unit.original.start, unit.original.end]
    if units[-1].end > room + 1e-6:
        notes.append(f"the last {units[-1].end - room:.2f} s are left out: "
                     "they do not fit before the next sentence at any natural pace")
    words = tuple(None if span is None else _placed(span, units, index, room) for index, span in enumerate(spoken))
    stretch = (units[-1].end - units[0].start) / (units[-1].spoken.end - units[0].spoken.start)
    return Timing(_ascending(output), _ascending(said), _ascending(original), tuple(silent), words, float(stretch),
                  tuple(notes))


def _ascending(clock: Sequence[float]) -> Contour:
    return np.asarray(np.maximum.accumulate(np.asarray(clock, np.float64)))


def _placed(span: Span, units: list[_Unit], index: int, room: float) -> Span:
    """Where a word is in the result."""
    unit = next((unit for unit in units if index <= unit.last), units[-1])
    pace = (unit.end - unit.start) / unit.spoken.duration
    start, end = (min(max(unit.start + (time - unit.spoken.start) * pace, unit.start), unit.end, room)
                  for time in (span.start, span.end))
    return Span(start, max(start, end))
