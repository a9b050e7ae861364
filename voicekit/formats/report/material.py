"""What the page of a recording knows of its sound, beside the transcript."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Track:
    """One sound that can be played: the original, or its new voice.

    Attributes
    ----------
    name : str
        For people: ``interview.mp3``, or ``new voice (espeak:ru)``.
    url : str
        Where the page finds it: a file beside the page, or a ``data:`` URL that holds all of it; empty where the
        reader has to choose the file.
    levels : tuple of int
        Loudness every :data:`LEVEL_STEP` seconds, 0 to 255: peaks of the waveform.
    pitch : tuple of int
        F0 in Hz every :data:`CONTOUR_STEP` seconds, 0 where there is no voice; empty where it was not measured.
    energy : tuple of float
        Level in dB (0 is full scale, never below -90) every :data:`CONTOUR_STEP` seconds; empty where not measured.
    """

    name: str
    url: str = ""
    levels: tuple[int, ...] = ()
    pitch: tuple[int, ...] = ()
    energy: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Material:
    """The sounds of a page: the original first, then the new voice where there is one.

    Attributes
    ----------
    tracks : tuple of Track
        What can be played and drawn; empty where nothing is known of the sound.
    notes : tuple of str
        What the reader should know of them, for example why there is no pitch.
    """

    tracks: tuple[Track, ...] = ()
    notes: tuple[str, ...] = ()


LEVEL_STEP = 0.05
"""Seconds from one level of a waveform to the next."""

CONTOUR_STEP = 0.05
"""Seconds from one value of pitch and energy to the next."""
