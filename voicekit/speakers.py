"""What flows when speakers are told apart: stretches of a recording, what was heard in them, and who spoke when.

Every engine lays windows of a fixed length at a fixed step over the whole recording, the *global grid*. A stretch is
a run of such windows, so that whoever works on it computes exactly what a serial run would; only what needs the whole
recording, the clustering, is done once at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voicekit.types import Span, Turn

if TYPE_CHECKING:  # the commands must not load numpy to print their help
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of windows of the global grid: the smallest piece of work.

    Attributes
    ----------
    index : int
        Position among the stretches of the recording.
    start, end : float
        Seconds of sound that its windows cover; always a whole number of samples. ``end`` may lie behind the end of
        the recording, where there is silence. Neighbours overlap: windows are longer than their step.
    first, count : int
        Which windows of the grid: ``first`` to ``first + count - 1``.
    speech : tuple of Span
        The detected speech between ``start`` and ``end``, for engines that need it. Cut at both.
    """

    index: int
    start: float
    end: float
    first: int
    count: int
    speech: tuple[Span, ...] = ()

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was heard in the windows of a stretch. All times count from the window's own start, so that the result
    stays valid wherever the same sound appears.

    Attributes
    ----------
    activity : ndarray, shape (windows, frames, local speakers), uint8 or float32
        Who of the window's speakers is active in each of its frames: 0 or 1, or scores where a model gives these.
        Local speaker 0 of one window has nothing to do with local speaker 0 of the next.
    embeddings : ndarray, shape (windows, local speakers, dimension), float32
        How each of them sounds; NaN where nobody spoke.
    """

    activity: NDArray[Any]
    embeddings: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SpeakerBounds:
    """How many speakers there may be.

    Attributes
    ----------
    least, most : int or None
        None where it was not said; equal where the number is known.
    """

    least: int | None = None
    most: int | None = None

    @property
    def exactly(self) -> int | None:
        """The number of speakers, where it is known."""
        return self.least if self.least == self.most else None


@dataclass(frozen=True, slots=True)
class Diarization:
    """Who spoke when.

    Attributes
    ----------
    turns : tuple of Turn
        In order of time; turns of several speakers overlap where they spoke at once.
    exclusive : tuple of Turn
        In order of time, at most one speaker at a time: where several spoke, the one who is heard best.
    voices : mapping of str to tuple of float
        How each speaker sounds, by label: a vector of length 1.
    warnings : tuple of str
        What the user should know, for example that fewer speakers were found than were asked for.
    """

    turns: tuple[Turn, ...] = ()
    exclusive: tuple[Turn, ...] = ()
    voices: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
