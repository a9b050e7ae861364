"""What a peer is asked, and what it answers: two JSON files."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

TIMESTAMPS = 1501
"""Tokens that are times; they are the last of the vocabulary."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to do.

    Attributes
    ----------
    recording : str
        The file.
    model : str
        The folder for CTranslate2, or openai-whisper's file.
    windows : tuple of (float, float)
        From when to when, in seconds; what is decoded at once.
    output : str
        Where the answer goes.
    word_timestamps : bool
        Whether words get their times.
    device, compute_type : str
        ``cpu`` or ``cuda``, and the precision.
    threads, batch_size : int
        Of the CPU, and windows decoded together.
    language : str
        Its code.
    """

    recording: str
    model: str
    windows: tuple[tuple[float, float], ...]
    output: str
    word_timestamps: bool
    device: str
    compute_type: str
    threads: int
    batch_size: int
    language: str = "en"

    def write(self, path: Path) -> Path:
        """Into a file; return it."""
        path.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")
        return path

    @staticmethod
    def read(path: Path) -> Request:
        """From its file."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Request(**{**fields, "windows": tuple((start, end) for start, end in fields["windows"])})

    def suppressed(self, first_timestamp: int) -> list[int]:
        """Tokens that are not to be written: what the libraries ban themselves, and times beside word times.

        The libraries leave it to the model to write none of these then; voicekit does not.
        """
        times = range(first_timestamp, first_timestamp + TIMESTAMPS) if self.word_timestamps else ()
        return [-1, *times]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was done.

    Attributes
    ----------
    texts : list of (float, float, str)
        Start and end in seconds, and what is said there.
    decoded : int
        Tokens that the model wrote, times among the words too.
    tokens : int
        Those of them that are text, also where the library leaves the end of a window out.
    after_loading : float
        Seconds from the loaded model to the end.
    transcribing : float
        Seconds of these after the sound was decoded and its speech found.
    """

    texts: list[tuple[float, float, str]]
    decoded: int
    tokens: int
    after_loading: float
    transcribing: float

    @staticmethod
    def read(path: Path) -> Answer:
        """From its file."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Answer(**{**fields, "texts": [(start, end, text) for start, end, text in fields["texts"]]})


class Account:
    """When the model was loaded, when transcribing began, and what the model has written.

    Parameters
    ----------
    end_of_text : int
        The token; those that are no text are not below it.
    """

    def __init__(self, end_of_text: int) -> None:
        self._end = end_of_text
        self._loaded = self._began = time.monotonic()
        self._decoded = self._tokens = 0

    def begin(self) -> None:
        """The sound is decoded: windows are next."""
        self._began = time.monotonic()

    def wrote(self, tokens: Iterable[int]) -> None:
        """The model's tokens for a window."""
        written = list(tokens)
        self._decoded += len(written)
        self._tokens += sum(token < self._end for token in written)

    def answer(self, texts: list[tuple[float, float, str]]) -> Answer:
        """All is done."""
        now = time.monotonic()
        return Answer(texts, self._decoded, self._tokens, now - self._loaded, now - self._began)


def run(transcribe: Callable[[Request], Answer]) -> None:
    """Do what the request on the command line asks."""
    request = Request.read(Path(sys.argv[1]))
    answer = transcribe(request)
    Path(request.output).write_text(json.dumps(dataclasses.asdict(answer)), encoding="utf-8")
