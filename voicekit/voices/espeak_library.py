"""The other end of :mod:`voicekit.voices.espeak_process`: starts it, asks it, ends it."""

from __future__ import annotations

import json
import subprocess
import sys
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicekit.errors import ModelError, ProcessingError

SCRIPT = Path(__file__).with_name("espeak_process.py")


@dataclass(frozen=True, slots=True)
class Answer:
    """What espeak-ng said, or the voices it listed.

    Attributes
    ----------
    rate : int
        Samples per second.
    sound : bytes
        16-bit samples.
    words : list of (int, int, int)
        Place in the text (the first character is 1), length there, and sample.
    phonemes : list of (int, int, str)
        Place in the text, sample and name; names of pauses begin with an underscore.
    alone : list of str
        The phonemes that each word has when it is spoken alone, with a space between them.
    voices : list of (str, list of str, int, str)
        Name, languages, gender and identifier.
    """

    rate: int = 0
    sound: bytes = b""
    words: list[tuple[int, int, int]] = field(default_factory=list)
    phonemes: list[tuple[int, int, str]] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)
    voices: list[tuple[str, list[str], int, str]] = field(default_factory=list)


class Process:
    """espeak-ng in a process of its own, which ends with this object.

    Parameters
    ----------
    library, data : str
        The library's name or path, and its data folder; an empty one is the library's own.
    """

    def __init__(self, library: str, data: str) -> None:
        self._command = [sys.executable, "-I", "-S", "-W", "ignore", str(SCRIPT), library, data]
        self._start()

    def _start(self) -> None:
        # What it writes to standard error are remarks on dictionaries that are not complete.
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL)
        self._end = weakref.finalize(self, _finish, self._process)
        first = self._line()
        if first is None or "error" in first:
            self._end()
            raise ModelError(f"espeak-ng cannot be started: {(first or {}).get('error', 'its process died')}",
                             "Reinstall espeak-ng, or: pip install espeakng-loader")
        self.version = str(first["version"])

    def ask(self, request: Mapping[str, object]) -> Answer:
        """The answer to a request.

        Raises
        ------
        ValueError
            If espeak-ng refuses; the message says why.
        ProcessingError
            If its process died twice over this request.
        """
        for _ in range(2):
            if self._process.poll() is not None:
                self._end()
                self._start()
            answer = self._try(request)
            if answer is not None:
                return answer
            self._end()
        raise ProcessingError("espeak-ng died while it spoke this sentence.")

    def _try(self, request: Mapping[str, object]) -> Answer | None:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return None
        head = self._line()
        if head is None:
            return None
        if "error" in head:
            raise ValueError(head["error"])
        length = head.pop("bytes", 0)
        sound = self._process.stdout.read(length)
        return Answer(sound=sound, **head) if len(sound) == length else None

    def _line(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None


def _finish(process: subprocess.Popen[bytes]) -> None:
    """Close its input, which is how it learns that it is over."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.close()
    except OSError:  # it is dead, and what was written last did not reach it
        pass
    process.stdout.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
