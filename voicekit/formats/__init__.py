"""The file types, found by extension. Adding one is a class, and its name in a line here."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

from voicekit.errors import UsageError
from voicekit.formats.base import Format
from voicekit.formats.document import Json
from voicekit.placing import write_text
from voicekit.formats.plain import Text
from voicekit.formats.reading import parse, read
from voicekit.formats.report import Html
from voicekit.formats.rttm import Rttm
from voicekit.formats.subtitles import Srt, Vtt
from voicekit.formats.tables import Tsv
from voicekit.options import SubtitleOptions
from voicekit.types import Transcript

__all__ = ["Format", "extensions", "lookup", "parse", "read", "render", "schema", "write"]

_FORMATS: dict[str, Format] = {
    form.extension: form for form in (Text(), Srt(), Vtt(), Tsv(), Json(), Html(), Rttm())
}

# Half a surrogate pair has no UTF-8 form. File names that are not UTF-8 bring such characters.
_SURROGATES = re.compile("[\ud800-\udfff]")


def extensions() -> tuple[str, ...]:
    """What can be written.

    Examples
    --------
    >>> extensions()
    ('txt', 'srt', 'vtt', 'tsv', 'json', 'html', 'rttm')
    """
    return tuple(_FORMATS)


def lookup(extension: str) -> Format:
    """The file type of that extension.

    Parameters
    ----------
    extension : str
        With or without the dot, in capitals or not.

    Raises
    ------
    UsageError
        If there is none; the hint lists those there are.

    Examples
    --------
    >>> lookup(".SRT").extension
    'srt'
    >>> lookup("rttm").needs_speakers
    True
    """
    form = _FORMATS.get(extension.removeprefix(".").lower())
    if form is None:
        raise UsageError(f"Unknown format {extension!r}.", f"Choose one of: {', '.join(_FORMATS)}.")
    return form


def render(transcript: Transcript, extension: str, subtitles: SubtitleOptions) -> str:
    """The text of a file of that type.

    Parameters
    ----------
    transcript : Transcript
        What to write.
    extension : str
        One of :func:`extensions`.
    subtitles : SubtitleOptions
        How subtitles are broken into lines.

    Returns
    -------
    str
        With ``"\\n"`` line ends; always encodable as UTF-8.

    Raises
    ------
    UsageError
        If the extension is unknown, or the type needs speakers and there are none.

    Examples
    --------
    >>> print(render(transcript, "srt", SubtitleOptions(max_line_width=42)))  # doctest: +SKIP
    """
    return _SURROGATES.sub("\ufffd", lookup(extension).render(transcript, subtitles))


def write(transcript: Transcript, path: str | Path, subtitles: SubtitleOptions | None = None, *,
          extension: str | None = None) -> None:
    """Write a file, whole or not at all; one that exists is replaced.

    Parameters
    ----------
    transcript : Transcript
        What to write.
    path : str or Path
        Its extension says the type; its folder must exist.
    subtitles : SubtitleOptions, optional
        How subtitles are broken into lines; not at all by default.
    extension : str, optional
        The type, where the path does not say it, as for ``/dev/stdout``.

    Raises
    ------
    UsageError
        If the extension is unknown, or the type needs speakers and there are none.
    OutputError
        If the file cannot be written (disk full, no permission, ...).

    Examples
    --------
    >>> write(transcript, "talk.srt", SubtitleOptions())  # doctest: +SKIP
    """
    path = Path(path)
    kind = path.suffix if extension is None else extension
    write_text(path, render(transcript, kind, subtitles or SubtitleOptions()))


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the ``json`` type.

    Examples
    --------
    >>> schema()["title"]
    'voicekit.transcript/1'
    """
    text = resources.files(__name__).joinpath("transcript.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
