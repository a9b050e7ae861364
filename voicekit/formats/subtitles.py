"""Subtitles: SubRip and WebVTT."""

from __future__ import annotations

import html
import re

from voicekit.formats.base import Format
from voicekit.formats.cues import cues
from voicekit.options import SubtitleOptions
from voicekit.types import Transcript


def timestamp(milliseconds: int, mark: str) -> str:
    """Hours, minutes, seconds and thousandths.

    Parameters
    ----------
    milliseconds : int
        From the beginning.
    mark : str
        What stands before the thousandths: a comma in SubRip, a point in WebVTT.

    Examples
    --------
    >>> timestamp(3_723_004, ",")
    '01:02:03,004'
    """
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{thousandths:03d}"


def _prefix(speaker: str) -> str:
    return f"{speaker}: "


# SubRip has no way to escape anything, and many readers look for the arrow anywhere in a line.
_ARROW = re.compile("--+>")


class Srt(Format):
    """``.srt``, SubRip: numbered cues, the speaker's label before the text.

    An arrow ``-->`` in the text is written ``->``; nothing else is changed.

    Examples
    --------
    >>> print(Srt().render(transcript, SubtitleOptions()))  # doctest: +SKIP
    1
    00:00:00,320 --> 00:00:01,500
    SPEAKER_00: Good morning.
    """

    extension = "srt"

    def render(self, transcript: Transcript, subtitles: SubtitleOptions) -> str:
        """See :meth:`Format.render`."""
        blocks = []
        for number, cue in enumerate(cues(transcript.segments, subtitles, _prefix), 1):
            text = _ARROW.sub("->", "\n".join(cue.lines))
            prefix = _ARROW.sub("->", _prefix(cue.speaker)) if cue.speaker else ""
            blocks.append(f"{number}\n{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}\n"
                          f"{prefix}{text}\n")
        return "\n".join(blocks)


class Vtt(Format):
    """``.vtt``, WebVTT: the speaker is in a voice tag, which players can style.

    Examples
    --------
    >>> print(Vtt().render(transcript, SubtitleOptions()))  # doctest: +SKIP
    WEBVTT
    <BLANKLINE>
    00:00:00.320 --> 00:00:01.500
    <v SPEAKER_00>Good morning.
    """

    extension = "vtt"

    def render(self, transcript: Transcript, subtitles: SubtitleOptions) -> str:
        """See :meth:`Format.render`."""
        blocks = ["WEBVTT\n"]
        for cue in cues(transcript.segments, subtitles):
            text = html.escape("\n".join(cue.lines), quote=False)
            voice = f"<v {html.escape(cue.speaker, quote=False)}>" if cue.speaker else ""
            blocks.append(f"{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}\n{voice}{text}\n")
        return "\n".join(blocks)
