"""From espeak-ng's events to the times of our words.

It tells where in the text a word begins and at which sample; where it speaks two words as one ("in the",
"of a") there is one event for both, and the phonemes that each has by itself say where the border is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from voicekit.types import Span
from voicekit.voices.espeak_library import Answer


def word_times(answer: Answer, places: Sequence[int | None], texts: Sequence[str]) -> tuple[Span | None, ...]:
    """Where each word is.

    Parameters
    ----------
    answer : Answer
        With events.
    places : sequence of (int or None)
        Where in the text each word begins, counted from 0; None for a word that was not said.
    texts : sequence of str
        The words, to divide what events do not.
    """
    said = [index for index, place in enumerate(places) if place is not None]
    starts = [place for place in places if place is not None]
    found: dict[int, int] = {}
    for place, _, sample in sorted(answer.words, key=lambda event: event[2]):
        if place < 1:
            continue  # no word of the text
        owner = _owner(starts, place - 1)
        found.setdefault(said[owner], sample)
    groups = _groups(said, found)
    length = len(answer.sound) // 2
    alone = [len(phonemes.split()) for phonemes in answer.alone]
    times: list[Span | None] = [None] * len(places)
    for number, (start, members) in enumerate(groups):
        following = groups[number + 1][0] if number + 1 < len(groups) else length
        start, end = min(start, length), min(max(following, start), length)
        sounds = [sample for _, sample, name in answer.phonemes
                  if start <= sample < end and name and not name.startswith("_")]
        end = _before_pause(answer, start, end)
        borders = _borders(start, end, members, sounds, alone, texts)
        for member, left, right in zip(members, borders, borders[1:], strict=False):
            times[member] = Span(left / answer.rate, right / answer.rate)
    return tuple(times)


def _owner(starts: Sequence[int], place: int) -> int:
    """The last word that begins at or before a place."""
    owner = 0
    for index, start in enumerate(starts):
        if start <= place:
            owner = index
    return owner


def _groups(said: Sequence[int], found: dict[int, int]) -> list[tuple[int, list[int]]]:
    """Words by the event that they share: its sample, and their indices."""
    groups: list[tuple[int, list[int]]] = []
    for index in said:
        if index in found and (not groups or found[index] >= groups[-1][0]):
            groups.append((found[index], [index]))
        elif groups:
            groups[-1][1].append(index)
        else:
            groups.append((0, [index]))
    return groups


def _before_pause(answer: Answer, start: int, end: int) -> int:
    """The end without the pause that stands there."""
    last = end
    for _, sample, name in reversed(answer.phonemes):
        if sample >= end:
            continue
        if sample <= start or not name.startswith("_"):
            break
        last = sample
    return last


def _borders(start: int, end: int, members: Sequence[int], sounds: Sequence[int], alone: Sequence[int],
             texts: Sequence[str]) -> list[int]:
    """Samples between which the members of a group are, one more than there are members."""
    counts = [alone[member] for member in members]
    if len(sounds) < len(members) or not all(counts):
        letters = list(accumulate((max(len(texts[member]), 1) for member in members), initial=0))
        return [start + (end - start) * upto // letters[-1] for upto in letters]
    borders, total = [start], sum(counts)
    for number, upto in enumerate(accumulate(counts[:-1]), 1):
        cut = min(max(round(len(sounds) * upto / total), number), len(sounds) - len(members) + number)
        borders.append(max(sounds[cut], borders[-1]))
    return [*borders, max(end, borders[-1])]
