"""Tab-separated values, as openai-whisper writes them."""

from __future__ import annotations

from voicekit.formats.base import Format, milliseconds, one_line
from voicekit.options import SubtitleOptions
from voicekit.types import Transcript


class Tsv(Format):
    r"""``.tsv``: start and end in milliseconds, and the text; a row per segment.

    A last column holds the speaker where the transcript knows any, so that a reader that
    counts columns from the left finds the same ones with and without speakers.

    Examples
    --------
    >>> Tsv().render(transcript, SubtitleOptions())  # doctest: +SKIP
    'start\tend\ttext\n320\t1500\tGood morning.\n'
    """

    extension = "tsv"

    def render(self, transcript: Transcript, subtitles: SubtitleOptions) -> str:
        """See :meth:`Format.render`."""
        with_speakers = any(segment.speaker for segment in transcript.segments)
        rows = [("start", "end", "text", "speaker")]
        rows += [
            (str(milliseconds(segment.start)), str(milliseconds(segment.end)),
             one_line(segment.text), one_line(segment.speaker or ""))
            for segment in transcript.segments
        ]
        columns = 4 if with_speakers else 3
        return "".join("\t".join(row[:columns]) + "\n" for row in rows)
