"""What the page's script has to know, as JSON's own types."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from voicekit.formats.base import milliseconds
from voicekit.formats.report import markup, passages, speaking
from voicekit.formats.report.material import CONTOUR_STEP, LEVEL_STEP, Track
from voicekit.types import Transcript

LOWEST, HIGHEST = 40.0, 1000.0
"""Hz that a byte of pitch reaches over, by equal steps of a fiftieth of an octave."""

QUIETEST = -90.0
"""dB that a byte of energy reaches down to."""


def page_data(transcript: Transcript, tracks: Sequence[Track], order: Mapping[str, int]) -> dict[str, object]:
    """Times of words, turns and gaps, and what is drawn of the sounds.

    Parameters
    ----------
    transcript : Transcript
        Who said what.
    tracks : sequence of Track
        At least one.
    order : mapping of str to int
        By speaker, the number of the colour.
    """
    turns = [number for turn in speaking.turns_of(transcript)
             for number in (milliseconds(turn.start), milliseconds(turn.end), order[turn.speaker])]
    return {
        "title": markup.clean(transcript.source.name),
        "duration": round(markup.finite(transcript.source.duration), 3),
        "speakers": [markup.clean(label) for label in order],
        "colours": speaking.COLOURS,
        **passages.times(transcript, order),
        "turns": turns,
        "gaps": [[milliseconds(entry.start), milliseconds(entry.end), markup.clean(entry.reason)]
                 for entry in passages.gaps(transcript)],
        "levelStep": LEVEL_STEP,
        "contourStep": CONTOUR_STEP,
        "pitchRange": [LOWEST, HIGHEST],
        "quietest": QUIETEST,
        "tracks": [{"name": markup.clean(track.name), "levels": markup.packed(track.levels),
                    "pitch": markup.packed(_pitch_bytes(track.pitch)),
                    "energy": markup.packed(_energy_bytes(track.energy))} for track in tracks],
    }


def _pitch_bytes(pitch: Iterable[float]) -> Iterable[int]:
    """0 where there is no voice, else 1 to 255 for :data:`LOWEST` to :data:`HIGHEST` Hz on a scale of octaves."""
    octaves = math.log2(HIGHEST / LOWEST)
    for hertz in pitch:
        yield max(1, min(255, 1 + round(254 * math.log2(hertz / LOWEST) / octaves))) if hertz > 0 else 0


def _energy_bytes(energy: Iterable[float]) -> Iterable[int]:
    """0 for :data:`QUIETEST` dB, 255 for full scale."""
    for level in energy:
        yield round(255 * (1 - max(level, QUIETEST) / QUIETEST)) if math.isfinite(level) else 0
