"""From pieces on disk to one track on disk, of exactly the length that was asked for.

Each piece is brought to the track's rate, faded in and out over 5 ms, and added where it belongs. The track is made
from beginning to end in blocks, so that only the pieces that sound in a block are open: twelve hours take as much
memory as one. Where nobody speaks nothing is written, which on most disks takes no room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.audio.pcm import Samples
from voicekit.audio.resampling import resampled, resampled_length
from voicekit.errors import DISK_FULL, OutputError, ProcessingError

FADE = 0.005
"""Seconds: too short to be heard as a fade, long enough not to be heard as a click."""

_BLOCK = 1 << 18
"""Samples of the track that are made at once."""

_READ = 1 << 16
"""Samples of a piece that are read at once."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the new voice, on disk.

    Attributes
    ----------
    path : str
        A raw file of mono 16-bit samples, as from :func:`as_int16`. Their rounding lies 98 dB below full scale,
        which no voice lets through; float32 would only double what is written.
    samples : int
        How many there are in it.
    rate : int
        Samples per second.
    start : float
        Seconds into the recording, where the first sample belongs. What lies outside of the recording is cut.
    """

    path: str
    samples: int
    rate: int
    start: float


def as_int16(samples: Samples) -> NDArray[np.int16]:
    """Samples in [-1, 1) as a :class:`Piece` holds them; what is louder is clipped.

    Examples
    --------
    >>> as_int16(np.array([0.5, -2.0], np.float32))
    array([ 16384, -32768], dtype=int16)
    """
    whole: NDArray[np.int16] = np.rint(np.clip(samples * np.float32(32768), -32768, 32767)).astype("<i2")
    return whole


def assemble(pieces: Iterable[Piece], rate: int, samples: int, into: str) -> str:
    """Put pieces together.

    Parameters
    ----------
    pieces : iterable of Piece
        In any order: the track is the same, byte for byte. Where pieces overlap they are added. Two that begin at the
        same moment and are equally long are told apart by their paths.
    rate : int
        Samples per second of the track.
    samples : int
        Its exact length.
    into : str
        Raw file to write: mono float32.

    Returns
    -------
    str
        ``into``.

    Raises
    ------
    ProcessingError
        If a piece is gone or shorter than it was.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> track = assemble([Piece("0.pcm", 24000, 24000, 1.5)], 44100, 441000, "track.f32")  # doctest: +SKIP
    """
    waiting = sorted(pieces, key=lambda piece: (piece.start, piece.rate, piece.samples, piece.path), reverse=True)
    sounding: list[_Sounding] = []
    try:
        with open(into, "wb") as file:
            file.truncate(samples * 4)
            for first in range(0, samples, _BLOCK):
                block = np.zeros(min(_BLOCK, samples - first), np.float32)
                while waiting and _place(waiting[-1], rate) < first + len(block):
                    sounding.append(_Sounding(waiting.pop(), rate, samples))
                if not sounding:
                    continue
                for voice in sounding:
                    voice.add_to(block, first)
                sounding = [voice for voice in sounding if voice.end > first + len(block)]
                file.seek(first * 4)
                file.write(block.astype("<f4", copy=False).tobytes())
    except OSError as error:
        hint = "Free some space, or choose" if error.errno in DISK_FULL else "Choose"
        raise OutputError(f"The new sound cannot be written to {into}: {error.strerror}.",
                          f"{hint} another folder with --temp-dir.") from error
    return into


def _place(piece: Piece, rate: int) -> int:
    return round(piece.start * rate)


class _Sounding:
    """A piece while the track passes it."""

    def __init__(self, piece: Piece, rate: int, samples: int) -> None:
        begin = _place(piece, rate)
        self.end = begin + resampled_length(piece.samples, piece.rate, rate)
        # The fades are at what remains of it, so that what is cut at the recording's edges does not click either.
        self._first, self._last = max(begin, 0), min(self.end, samples)
        self._fade = _fade(min(round(FADE * rate), (self._last - self._first) // 2))
        self._blocks = resampled(_read(piece), piece.samples, piece.rate, rate)
        self._at = begin
        self._rest: Samples = np.zeros(0, np.float32)

    def add_to(self, block: Samples, first: int) -> None:
        """Add what lies in a block of the track that begins at ``first``; called in order."""
        last = min(first + len(block), self._last)
        while self._at < last:
            if not len(self._rest):
                self._rest = next(self._blocks)
            part = self._rest[:last - self._at]
            self._rest = self._rest[len(part):]
            at, self._at = self._at, self._at + len(part)
            if self._at > self._first:
                cut = max(self._first - at, 0)
                at += cut
                block[at - first:at - first + len(part) - cut] += self._faded(part[cut:], at)

    def _faded(self, part: Samples, at: int) -> Samples:
        """A stretch of the piece that begins at ``at``, with as much of the fades as lies in it."""
        place = np.minimum(np.arange(at - self._first, at - self._first + len(part)),
                           np.arange(self._last - 1 - at, self._last - 1 - at - len(part), -1))
        near = place < len(self._fade)
        if near.any():
            part = part.copy()
            part[near] *= self._fade[place[near]]
        return part


def _fade(samples: int) -> Samples:
    return (np.sin(np.pi / 2 * (np.arange(samples) + 0.5) / max(samples, 1)) ** 2).astype(np.float32)


def _read(piece: Piece) -> Iterator[Samples]:
    hint = "Keep the temporary folder until the run has ended (--temp-dir)."
    left = piece.samples
    try:
        with open(piece.path, "rb", buffering=0) as file:
            while left:
                block = np.fromfile(file, "<i2", min(left, _READ))
                if not len(block):
                    raise ProcessingError(f"The piece of the new sound in {piece.path} has become shorter.", hint)
                left -= len(block)
                yield block.astype(np.float32) / np.float32(32768)
    except OSError as error:
        raise ProcessingError(f"A piece of the new sound cannot be read from {piece.path}: {error.strerror}.",
                              hint) from error
