"""What the page of a recording shows and plays of its sound: decoded once, in a stream, and never held as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from voicekit.audio import LONGEST_RECORDING
from voicekit.audio.encoding import read_track
from voicekit.audio.native import native
from voicekit.audio.remuxing import VIDEO_EXTENSIONS
from voicekit.errors import EngineMissingError
from voicekit.formats.report.hearing import Envelope, Melody
from voicekit.formats.report.material import Material, Track
from voicekit.formats.report.opus import OpusCopy
from voicekit.prosody.pitch import pyworld
from voicekit.protocols import Samples
from voicekit.spoken import Voicing
from voicekit.types import Transcript

_APART = 0.5
"""Seconds between a sound and its transcript from which on they are not of the same recording."""


def material(path: str | os.PathLike[str], transcript: Transcript, *, voicing: Voicing | None = None,
             embed: bool = False, beside: str | os.PathLike[str] | None = None,
             new_voice: str | os.PathLike[str] | None = None, stays: bool = True,
             longest: float = LONGEST_RECORDING) -> Material:
    """Gather what a page needs of the sound: heights of the waveform, melody and energy, and what to play.

    Parameters
    ----------
    path : path-like
        The recording that the transcript is of, taken to be as hostile as :func:`voicekit.audio.decode` takes it.
    transcript : Transcript
        For the name, and to see whether it is the same recording.
    voicing : Voicing, optional
        Its new voice. With it, pitch (where pyworld is installed) and energy of both are measured.
    embed : bool
        Whether a copy of each sound goes into the page: 11.3 MB an hour, as a ``data:`` URL a third more.
    beside : path-like, optional
        The page: sounds in its folder or below are found from there. Of others only the name is told, so that a page
        that is sent to somebody says nothing about the disk it was made on.
    new_voice : path-like, optional
        The file that the new voice was written to; it is read where the voicing's ``track`` is gone.
    stays : bool
        Whether `path` is still there when the page is read, which standard input is not.
    longest : float
        Seconds of sound that are decoded at most; a file that holds more is refused.

    Returns
    -------
    Material
        The original, then the new voice; and notes for the reader.

    Raises
    ------
    InputError, NotAudioError, RefusedInputError
        As in :func:`voicekit.audio.decode`.
    ProcessingError
        If the new voice is gone, or cannot be encoded.

    Examples
    --------
    >>> material("talk.mp3", transcript, beside="talk.html").tracks[0].url  # doctest: +SKIP
    'talk.mp3'
    """
    notes: list[str] = []
    melody = voicing is not None and _can_find_pitch(notes)
    original = _Listener(melody=melody, embed=embed)
    found = native(path, original.take, name=transcript.source.name, longest=longest)
    seconds = found.samples / max(found.rate, 1)
    if abs(seconds - transcript.source.duration) > _APART:
        notes.append(f"The sound is {seconds:.1f} s long and the transcript {transcript.source.duration:.1f} s: they "
                     "are not of the same recording.")
    url = address(path, beside) if stays else ""
    tracks = [original.track(transcript.source.name, url, contours=voicing is not None)]
    if voicing is not None:
        tracks.append(_new_voice(voicing, new_voice, _Listener(melody=melody, embed=embed), beside, longest))
    return Material(tuple(tracks), tuple(notes))


def address(sound: str | os.PathLike[str], page: str | os.PathLike[str] | None) -> str:
    """Where a page finds a sound: a relative URL if it lies in the page's folder or below, else its name only.

    Parameters
    ----------
    sound : path-like
        Its name may hold any bytes.
    page : path-like or None
        None where there is no page on disk.

    Examples
    --------
    >>> address("talks/50 % #1?.mp3", "talks/index.html")
    '50%20%25%20%231%3F.mp3'
    >>> address("/home/anna/secret/talk.mp3", "/tmp/talk.html")
    'talk.mp3'
    """
    name = os.path.basename(os.path.abspath(os.fsdecode(sound)))
    relative = name
    if page is not None:
        folder = os.path.realpath(os.path.dirname(os.path.abspath(os.fsdecode(page))))
        # Only the folder's links are followed: a link beside the page has the name that the page shall say.
        place = os.path.join(os.path.realpath(os.path.dirname(os.path.abspath(os.fsdecode(sound)))), name)
        if place.startswith(os.path.join(folder, "")):
            relative = os.path.relpath(place, folder)
    return "/".join(quote(os.fsencode(part), safe="") for part in relative.split(os.sep))


def _can_find_pitch(notes: list[str]) -> bool:
    try:
        pyworld()
    except EngineMissingError as error:
        notes.append(f"Pitch is not shown, for pyworld is not installed. {error.hint}")
        return False
    return True


def _new_voice(voicing: Voicing, file: str | os.PathLike[str] | None, listener: _Listener,
               page: str | os.PathLike[str] | None, longest: float) -> Track:
    """The second track: of the raw sound while the run lasts, else of the file that was made from it."""
    if voicing.track or file is None:
        for block in read_track(voicing.track):
            listener.take(block, voicing.rate)
    else:
        native(file, listener.take, longest=longest)
    url = address(file, page) if file is not None and _in_step(Path(file), voicing) else ""
    voices = ", ".join(dict.fromkeys(f"{voice.engine}:{voice.name}" for voice in voicing.voices.values()))
    return listener.track(f"new voice ({voices})" if voices else "new voice", url, contours=True)


def _in_step(file: Path, voicing: Voicing) -> bool:
    # A video whose sound begins late plays everything later than the transcript says.
    return not (voicing.start and file.suffix.removeprefix(".").lower() in VIDEO_EXTENSIONS)


class _Ear(Protocol):
    def take(self, block: Samples) -> None: ...

    def finish(self) -> None: ...


class _Listener:
    """Hears a sound of a rate that is known with the first block."""

    def __init__(self, *, melody: bool, embed: bool) -> None:
        self._wants_melody, self._wants_copy = melody, embed
        self._envelope: Envelope | None = None
        self._melody: Melody | None = None
        self._copy: OpusCopy | None = None

    def take(self, block: Samples, rate: int) -> None:
        if self._envelope is None:
            self._envelope = Envelope(rate)
            self._melody = Melody(rate) if self._wants_melody else None
            self._copy = OpusCopy(rate) if self._wants_copy else None
        if len(block):
            for ear in self._ears():
                ear.take(block)

    def track(self, name: str, url: str, *, contours: bool) -> Track:
        """What was heard; `url` is for where no copy was asked for."""
        for ear in self._ears():
            ear.finish()
        if self._envelope is None:  # not a sample
            return Track(name, url)
        return Track(name, self._copy.url() if self._copy is not None else url, self._envelope.levels(),
                     self._melody.pitch() if self._melody is not None else (),
                     self._envelope.energy() if contours else ())

    def _ears(self) -> list[_Ear]:
        return [ear for ear in (self._envelope, self._melody, self._copy) if ear is not None]
