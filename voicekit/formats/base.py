"""What a file type is: an extension and one method that turns a transcript into text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from voicekit.options import SubtitleOptions
from voicekit.types import Transcript


class Format(ABC):
    """One file type. A new one is a subclass and a line in :mod:`voicekit.formats`.

    Attributes
    ----------
    extension : str
        Of its files, without the dot.
    needs_speakers : bool
        Whether a transcript without speakers cannot be written in it.

    Examples
    --------
    >>> class Words(Format):
    ...     extension = "words"
    ...     def render(self, transcript, subtitles):
    ...         return "".join(word.word.strip() + "\\n" for word in transcript.words)
    """

    extension: ClassVar[str]
    needs_speakers: ClassVar[bool] = False

    @abstractmethod
    def render(self, transcript: Transcript, subtitles: SubtitleOptions) -> str:
        """The whole text of the file.

        Parameters
        ----------
        transcript : Transcript
            What to write.
        subtitles : SubtitleOptions
            How to break lines; only subtitles read it.
        """


# A line break, a tab or another control character inside a text would end a line of a file whose
# lines mean something (a cue, a row). NEL and the two Unicode separators break lines for some readers.
_CONTROLS = {code: "\n" for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}


def one_line(text: str) -> str:
    r"""The text without line breaks and control characters, and without space at its ends.

    Examples
    --------
    >>> one_line(" Good\n\n morning\t, all ")
    'Good morning , all'
    """
    parts = (part.strip() for part in text.translate(_CONTROLS).split("\n"))
    return " ".join(part for part in parts if part)


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, never negative; what is no number counts as 0.

    Examples
    --------
    >>> milliseconds(1.2345), milliseconds(-0.1), milliseconds(float("nan"))
    (1234, 0, 0)
    """
    scaled = seconds * 1000
    return max(0, round(scaled)) if abs(scaled) < float("inf") else 0
