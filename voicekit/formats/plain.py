"""The text alone: one segment per line."""

from __future__ import annotations

from voicekit.formats.base import Format, one_line
from voicekit.options import SubtitleOptions
from voicekit.types import Transcript


class Text(Format):
    """``.txt``: one segment per line, after its speaker's label where there is one.

    Examples
    --------
    >>> print(Text().render(transcript, SubtitleOptions()), end="")  # doctest: +SKIP
    SPEAKER_00: Good morning.
    SPEAKER_01: Good morning to you.
    """

    extension = "txt"

    def render(self, transcript: Transcript, subtitles: SubtitleOptions) -> str:
        """See :meth:`Format.render`."""
        lines = []
        for segment in transcript.segments:
            text = one_line(segment.text)
            if text:
                speaker = one_line(segment.speaker or "")
                lines.append(f"{speaker}: {text}\n" if speaker else f"{text}\n")
        return "".join(lines)
