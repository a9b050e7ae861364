"""DER and JER of long recordings, in one pass over time.

pyannote.metrics compares every turn with every other: an hour takes seconds, twelve hours would take an hour. Here
time is passed through once, in O(n log n); the results are the same (the tests compare them).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from voicekit.types import Span, Turn

SHORTEST = 1e-6
"""Seconds: what is shorter, pyannote too takes for the dust of rounding. It would make a speaker of nothing."""

Parts = tuple[float, float, float, float, float, float]
"""Speech, missed, false alarm and confusion in seconds; the sum of the speakers' Jaccard errors, and their number."""


def parts(reference: Sequence[Turn], hypothesis: Sequence[Turn], region: Sequence[Span], collar: float,
          skip_overlap: bool) -> Parts:
    """What DER and JER are computed from.

    Parameters
    ----------
    reference, hypothesis : sequence of Turn
        In any order; those of one speaker must not overlap.
    region : sequence of Span
        What is scored; must not overlap.
    collar : float
        Seconds around each boundary of the reference that are left out; half of them on each side.
    skip_overlap : bool
        Whether to leave out where several speak in the reference.

    Examples
    --------
    >>> parts([Turn(0, 10, "Ann"), Turn(8, 12, "Bob")], [Turn(0, 10, "x")], [Span(0, 12)], 0.0, False)
    (14.0, 4.0, 0.0, 0.0, 1.0, 2.0)
    """
    together: dict[tuple[str, str], float] = defaultdict(float)
    said: dict[str, float] = defaultdict(float)
    heard: dict[str, float] = defaultdict(float)
    missed = surplus = 0.0
    speaking: tuple[set[str], set[str]] = set(), set()
    inside = barred = 0
    before = 0.0
    for time, kind, change, speaker in _changes(reference, hypothesis, region, collar):
        length = time - before
        if length > SHORTEST and inside and not barred and not (skip_overlap and len(speaking[0]) > 1):
            missed += length * max(0, len(speaking[0]) - len(speaking[1]))
            surplus += length * max(0, len(speaking[1]) - len(speaking[0]))
            for one in speaking[0]:
                said[one] += length
                for other in speaking[1]:
                    together[one, other] += length
            for other in speaking[1]:
                heard[other] += length
        before = time
        if kind == _REGION:
            inside += change
        elif kind == _COLLAR:
            barred += change
        elif change > 0:
            speaking[kind].add(speaker)
        else:
            speaking[kind].discard(speaker)
    matched = _match(sorted(said), sorted(heard), together)  # in this order, as two may match equally well
    right = sum(together.get(pair, 0.0) for pair in matched)
    speech = sum(said.values())
    found = dict(matched)
    errors = 0.0
    for one, own in said.items():
        shared = together.get((one, found[one]), 0.0) if one in found else 0.0
        errors += 1 - shared / (own + heard[found[one]] - shared) if shared else 1.0
    return speech, missed, surplus, max(0.0, speech - missed - right), errors, float(len(said))


_REFERENCE, _HYPOTHESIS, _REGION, _COLLAR = range(4)

_Change = tuple[float, int, int, str]


def _changes(reference: Sequence[Turn], hypothesis: Sequence[Turn], region: Sequence[Span],
             collar: float) -> list[_Change]:
    spans: list[tuple[float, float, int, str]] = [(span.start, span.end, _REGION, "") for span in region]
    for kind, turns in ((_REFERENCE, reference), (_HYPOTHESIS, hypothesis)):
        spans += [(turn.start, turn.end, kind, turn.speaker) for turn in turns]
    if collar > 0:
        spans += [(edge - collar / 2, edge + collar / 2, _COLLAR, "")
                  for turn in reference for edge in (turn.start, turn.end)]
    # At one moment what ends comes first, so that a turn that begins where the same speaker's ended goes on.
    return sorted([(start, kind, 1, speaker) for start, _, kind, speaker in spans]
                  + [(end, kind, -1, speaker) for _, end, kind, speaker in spans],
                  key=lambda change: (change[0], change[2]))


def _match(said: list[str], heard: list[str], together: dict[tuple[str, str], float]) -> list[tuple[str, str]]:
    """Pairs of speakers with the most time in common."""
    if not said or not heard:
        return []
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    shared = np.array([[together.get((one, other), 0.0) for other in heard] for one in said])
    return [(said[row], heard[column]) for row, column in zip(*linear_sum_assignment(-shared), strict=True)]
