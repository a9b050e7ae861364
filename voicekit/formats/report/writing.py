"""The page of a recording on disk, with its sound."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from voicekit.errors import VoicekitError
from voicekit.formats.report.material import Material
from voicekit.placing import placed
from voicekit.spoken import Voicing
from voicekit.types import Transcript

log = logging.getLogger("voicekit")

# As in voicekit.formats: file names that are no UTF-8 bring half surrogate pairs.
_SURROGATES = re.compile("[\ud800-\udfff]")


def write(transcript: Transcript, path: str | os.PathLike[str], *, sound: str | os.PathLike[str] | None = None,
          voicing: Voicing | None = None, embed: bool = False, new_voice: str | os.PathLike[str] | None = None,
          stays: bool = True, longest: float | None = None) -> None:
    """Write the page, whole or not at all; one that exists is replaced.

    Where the sound cannot be decoded the page is written without it: it says so, and a warning is logged.

    Parameters
    ----------
    transcript : Transcript
        What the page is about.
    path : path-like
        Its folder must exist.
    sound : path-like, optional
        The recording, for the waveform and for the player, which finds it in the page's folder or below.
    voicing : Voicing, optional
        The recording in its new voice: its sentences and, while the sound is there, pitch and energy.
    embed : bool
        Whether the page holds a copy of the sound: 15 MB an hour.
    new_voice : path-like, optional
        The file that the new voice was written to.
    stays : bool
        Whether `sound` is still there when the page is read.
    longest : float, optional
        Seconds of sound that are decoded at most, 24 hours by default.

    Raises
    ------
    OutputError
        If the file cannot be written; it is then as it was before.

    Examples
    --------
    >>> transcript = voicekit.transcribe("talk.mp3")  # doctest: +SKIP
    >>> write(transcript, "talk.html", sound="talk.mp3", embed=True)  # doctest: +SKIP
    """
    from voicekit.formats.report import page

    material = Material()
    if sound is not None:
        material = _material(transcript, Path(path), Path(sound), voicing, embed, new_voice, stays, longest)
    text = page(transcript, material, voicing)
    with placed(Path(path)) as file:
        try:
            file.write(text.encode("utf-8"))
        except UnicodeEncodeError:
            file.write(_SURROGATES.sub("\ufffd", text).encode("utf-8"))


def _material(transcript: Transcript, path: Path, sound: Path, voicing: Voicing | None, embed: bool,
              new_voice: str | os.PathLike[str] | None, stays: bool, longest: float | None) -> Material:
    # They load FFmpeg, which not every command needs.
    from voicekit.audio import LONGEST_RECORDING
    from voicekit.formats.report import sound as sounds

    limit = LONGEST_RECORDING if longest is None else longest
    try:
        found = sounds.material(sound, transcript, voicing=voicing, embed=embed, beside=path, new_voice=new_voice,
                                stays=stays, longest=limit)
    except VoicekitError as error:
        found = Material(notes=(f"Here is no waveform, for the sound could not be decoded again: {error.message}",))
    for note in found.notes:
        log.warning("%s: %s", path.name, note)
    return found
