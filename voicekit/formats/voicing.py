"""A recording in its new voice on disk: as sound, as a video with that sound, or as a report on it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from voicekit.audio import encoding, remuxing
from voicekit.placing import write_text
from voicekit.spoken import Voicing
from voicekit.types import Source
from voicekit.version import __version__

REPORT = "prosody.json"
"""The extension of the report."""

SCHEMA = "voicekit.voicing/1"


def extensions() -> tuple[str, ...]:
    """What can be written.

    Examples
    --------
    >>> extensions()[:4]
    ('mp3', 'wav', 'flac', 'ogg')
    """
    return (*encoding.AUDIO_EXTENSIONS, *remuxing.VIDEO_EXTENSIONS, REPORT)


def write(voicing: Voicing, source: Source, original: Path, path: Path, extension: str) -> tuple[str, ...]:
    """Write a file, whole or not at all; one that exists is replaced.

    Parameters
    ----------
    voicing : Voicing
        What to write.
    source : Source
        What it was made from.
    original : Path
        The file of that, whose pictures a video keeps.
    path : Path
        Its folder must exist.
    extension : str
        One of :func:`extensions`.

    Returns
    -------
    tuple of str
        What had to be left out, as sentences for the user.

    Raises
    ------
    UsageError
        If a video is asked for and the original has no pictures.
    OutputError
        If the file cannot be written.
    """
    if extension == REPORT:
        write_text(path, report(voicing, source))
        return ()
    track = encoding.read_track(voicing.track)
    if extension in remuxing.VIDEO_EXTENSIONS:
        return remuxing.write_video(track, voicing.rate, voicing.samples, original, path, extension,
                                    start=voicing.start)
    encoding.write(track, voicing.rate, voicing.samples, path, extension, title=Path(source.name).stem)
    return ()


def report(voicing: Voicing, source: Source) -> str:
    """The ledger and the measures, as JSON with times of three decimals."""
    document = {
        "schema": SCHEMA,
        "source": dataclasses.asdict(source),
        "version": __version__,
        "options": dict(voicing.options),
        "voices": {label: dataclasses.asdict(voice) for label, voice in voicing.voices.items()},
        "measures": {name: round(value, 4) for name, value in voicing.measures.items()},
        "missed": list(voicing.missed),
        "warnings": list(voicing.warnings),
        "sentences": [{name: round(value, 3) if isinstance(value, float) else value
                       for name, value in dataclasses.asdict(entry).items()} for entry in voicing.sentences],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
