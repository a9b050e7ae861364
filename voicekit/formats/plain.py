"""The text alone: one segment per line, or one turn of speech."""

from __future__ import annotations

import re
from itertools import groupby

from voicekit.formats.base import Format, one_line
from voicekit.options import SubtitleOptions
from voicekit.types import Segment, Transcript

PARAGRAPH = 2.0
"""Seconds: a speaker who is silent for so long begins a new line, or a lecture would be a single one."""

# Scripts whose sentences follow each other without a space: Chinese and Japanese, with their signs.
_NO_SPACE = re.compile("[\u2e80-\u30ff\u3100-\u312f\u31a0-\u9fff\uf900-\ufaff\uff01-\uff9f\U00020000-\U0003ffff]")


class Text(Format):
    """``.txt``: one segment per line; where speakers are known, one turn of speech, after its speaker's label.

    Words that were said while several people spoke stand in square brackets, as conversation analysts write
    them (G. Jefferson's notation): there is no other place for that in plain text, and who counts or compares words
    drops such marks with the punctuation. Subtitles stay without: they are read while one listens.

    Examples
    --------
    >>> print(Text().render(transcript, SubtitleOptions()), end="")  # doctest: +SKIP
    SPEAKER_00: Good morning. How are [you?]
    SPEAKER_01: [Good] morning to you.
    """

    extension = "txt"

    def render(self, transcript: Transcript, subtitles: SubtitleOptions) -> str:
        """See :meth:`Format.render`."""
        lines: list[str] = []
        before: Segment | None = None
        for segment in transcript.segments:
            text = one_line(_marked(segment))
            if not text:
                continue
            speaker = one_line(segment.speaker or "")
            if (speaker and before is not None and segment.speaker == before.speaker
                    and segment.start - before.end < PARAGRAPH):
                close = _NO_SPACE.match(lines[-1][-1]) or _NO_SPACE.match(text)
                lines[-1] += text if close else f" {text}"
            else:
                lines.append(f"{speaker}: {text}" if speaker else text)
            before = segment
        return "".join(f"{line}\n" for line in lines)


def _marked(segment: Segment) -> str:
    if not any(word.overlap for word in segment.words):
        return segment.text
    parts = []
    for overlap, words in groupby(segment.words, key=lambda word: word.overlap):
        text = "".join(word.word for word in words)
        inner = text.strip()
        if overlap and inner:
            space = text[:len(text) - len(text.lstrip())]
            text = f"{space}[{inner}]{text[len(space) + len(inner):]}"
        parts.append(text)
    return "".join(parts)
