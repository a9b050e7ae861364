"""Who speaks how much, and when: as figures, as a table and as a drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from voicekit.formats import rttm
from voicekit.formats.report import markup
from voicekit.formats.report.colours import LIGHT
from voicekit.types import Segment, Transcript, Turn, Word

COLOURS = len(LIGHT)
"""After so many speakers colours begin again; names tell them apart."""


@dataclass(frozen=True, slots=True)
class Share:
    """One speaker's part of a recording.

    Attributes
    ----------
    speaker : str
        Label or name.
    seconds : float
        In which this speaker speaks.
    share : float
        Of the seconds of all speakers: these add up to 1.
    turns, words : int
        How many.
    """

    speaker: str
    seconds: float
    share: float
    turns: int
    words: int


def who(segment: Segment) -> str:
    """Who says a segment: its own speaker, or its first word's; empty where nobody knows."""
    return segment.speaker or next((word.speaker for word in segment.words if word.speaker), None) or ""


def turns_of(transcript: Transcript) -> tuple[Turn, ...]:
    """The turns of the diarization, in order of time; of the segments, where there are none."""
    found: Iterable[Turn] = transcript.turns or rttm.turns(transcript.segments)
    return tuple(sorted((Turn(markup.finite(turn.start), markup.finite(turn.end), turn.speaker) for turn in found),
                        key=lambda turn: (turn.start, turn.end, turn.speaker)))


def speakers(transcript: Transcript) -> tuple[str, ...]:
    """Labels or names in order of first speech; their colours go by it.

    Examples
    --------
    >>> speakers(transcript)  # doctest: +SKIP
    ('Anna', 'Boris')
    """
    found = dict.fromkeys(turn.speaker for turn in turns_of(transcript))
    found |= dict.fromkeys(filter(None, map(who, transcript.segments)))
    return tuple(found)


def tokens(segment: Segment) -> list[str]:
    """The words of a segment that are shown, without the space around them."""
    parts = (word.word for word in segment.words) if segment.words else markup.clean(segment.text).split()
    return [part for part in (markup.clean(part).strip() for part in parts) if part]


def shares(transcript: Transcript) -> tuple[Share, ...]:
    """How much each speaker speaks, in the order of :func:`speakers`."""
    turns = turns_of(transcript)
    words: Counter[str] = Counter()
    for segment in transcript.segments:
        words[who(segment)] += len(tokens(segment))
    seconds = {label: _covered([turn for turn in turns if turn.speaker == label], 1)
               for label in speakers(transcript)}
    total = sum(seconds.values())
    counts = Counter(turn.speaker for turn in turns)
    return tuple(Share(label, seconds[label], seconds[label] / total if total else 0.0, counts[label], words[label])
                 for label in seconds)


def overlapped(turns: Sequence[Turn]) -> float:
    """Seconds in which several speakers speak at once.

    Examples
    --------
    >>> overlapped([Turn(0, 3, "A"), Turn(2, 5, "B")])
    1.0
    """
    return _covered(turns, 2)


def _covered(turns: Iterable[Turn], least: int) -> float:
    """Seconds in which at least so many speakers speak; a speaker's own turns may overlap."""
    steps = sorted((at, step, turn.speaker) for turn in turns if turn.end > turn.start
                   for at, step in ((turn.start, 1), (turn.end, -1)))
    active: Counter[str] = Counter()
    seconds, before = 0.0, 0.0
    for at, step, speaker in steps:
        if sum(1 for number in active.values() if number > 0) >= least:
            seconds += at - before
        active[speaker] += step
        if not active[speaker]:
            del active[speaker]
        before = at
    return seconds


def colour(order: Mapping[str, int], speaker: str) -> str:
    """The class that gives an element the speaker's colour; empty for nobody."""
    return f"s{order[speaker] % COLOURS}" if speaker in order else "nobody"


def section(transcript: Transcript) -> str:
    """The section of the page; empty where nobody was told apart."""
    found = shares(transcript)
    if not found:
        return ""
    order = {share.speaker: number for number, share in enumerate(found)}
    rows = "".join(_row(share, colour(order, share.speaker)) for share in found)
    turns = turns_of(transcript)
    together = overlapped(turns)
    numbers = ("Share", "Time", "Turns", "Words")
    table = markup.table(("Speaker", '<span class="unseen">Share, drawn</span>', *numbers), rows, numbers=numbers,
                         kind="shares")
    several = f"<p>Several people speak at once for {markup.length(together)}.</p>" if together >= 0.05 else ""
    return (
        '<section id="speakers" aria-labelledby="speakers-title"><h2 id="speakers-title">Who speaks</h2>'
        f"{table}{several}"
        f"{_lanes(turns, order, transcript.source.duration)}</section>")


def _row(share: Share, colour_class: str) -> str:
    return (
        f'<tr class="{colour_class}"><th scope="row"><span class="dot"></span>{markup.name(share.speaker)}</th>'
        f'<td class="bar"><svg aria-hidden="true"><rect width="100%" height="100%" class="ground"/>'
        f'<rect width="{markup.percent(share.share, 1)}" height="100%" class="paint"/></svg></td>'
        f'<td class="number">{share.share:.0%}</td><td class="number">{markup.length(share.seconds)}</td>'
        f'<td class="number">{share.turns:,}</td><td class="number">{share.words:,}</td></tr>')


def _lanes(turns: Sequence[Turn], order: Mapping[str, int], duration: float) -> str:
    """A row for each speaker, with a bar where he or she speaks: one path, or an hour's turns would be 100 kB."""
    whole = max([markup.finite(duration), *(turn.end for turn in turns)], default=0.0)
    if not whole:
        return ""
    rows = []
    for label in order:
        spans = [(round(turn.start / whole * 10000), max(6, round((turn.end - turn.start) / whole * 10000)))
                 for turn in turns if turn.speaker == label]
        bars = "".join(f"M{start} 0h{width}v10H{start}z" for start, width in spans)
        rows.append(f'<div class="lane {colour(order, label)}"><span class="label">{markup.name(label)}</span>'
                    f'<svg viewBox="0 0 10000 10" preserveAspectRatio="none" aria-hidden="true">'
                    f'<path class="paint" d="{bars}"/></svg></div>')
    return (f'<figure class="lanes" data-whole="{whole:.3f}">{"".join(rows)}{axis(whole)}'
            '<figcaption class="unseen">When each speaker speaks</figcaption></figure>')


def axis(whole: float) -> str:
    """Times under a drawing as wide as the recording, or as a run."""
    step = next((step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
                 if whole / step <= 6), whole / 6)
    marks = []
    number = 0
    while number * step <= whole * 0.97:
        at = number * step
        label = markup.clock(at) if step >= 1 else f"{at:.1f}"
        marks.append(f'<text x="{markup.percent(at, whole)}" y="12">{label}</text>')
        number += 1
    return f'<div class="lane axis"><span class="label"></span><svg aria-hidden="true">{"".join(marks)}</svg></div>'


def said(words: Iterable[Word]) -> bool:
    """Whether the engine is surer of some words than of others; some give every word the same probability."""
    return len({round(markup.finite(word.probability), 3) for word in words}) > 1
