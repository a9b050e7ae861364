"""What a person sees while a run goes on: a bar on a terminal, plain lines elsewhere, or JSON lines."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from typing import Any, TextIO

from voicekit.running.events import Advanced, Idle, Notice, Planned, RunEvent, Working

LINE_EVERY = 10.0
"""Seconds between plain progress lines."""


def clock(seconds: float) -> str:
    """Hours, minutes and seconds for people.

    Examples
    --------
    >>> clock(75), clock(3675.4)
    ('1:15', '1:01:15')
    """
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def count(number: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> count(1, "word"), count(2, "word"), count(2, "stretch")
    ('1 word', '2 words', '2 stretches')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun[-2:] in ('ch', 'ss') else 's'}"


class Reporter:
    """Plain lines on standard error; the base of the other reporters.

    Parameters
    ----------
    stream : text file
        Where lines go.
    level : int
        As in :mod:`logging`: what is less important is not shown.
    """

    def __init__(self, stream: TextIO, level: int) -> None:
        self._stream = stream
        self._level = level
        self._began = time.monotonic()
        self._to_do = 0.0
        self._growing: dict[tuple[str, str], float] = {}  # what of `to_do` is of a recording not yet decoded
        self._done = 0.0
        self._shown = self._began
        self.workers: set[int] = set()
        """Slots that had something to do."""

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def message(self, level: int, text: str, **fields: Any) -> None:
        """Show a message for people, if it is important enough."""
        if level >= self._level:
            prefix = {logging.WARNING: "Warning: ", logging.ERROR: "Error: "}.get(level, "")
            self.write(prefix + text, level)

    def write(self, line: str, level: int) -> None:
        """Show a line."""
        self._print(_printable(line))

    def _print(self, line: str) -> None:
        # Whoever read our messages may be gone, or their disk full: that must not cost the transcript.
        with contextlib.suppress(OSError, ValueError):
            print(line, file=self._stream, flush=True)

    def observe(self, event: RunEvent) -> None:
        """Take note of what the run tells."""
        match event:
            case Notice(message, source):
                self.message(logging.WARNING, f"{source}: {message}" if source else message)
            case Planned(source, to_do=to_do, what=what, whole=False):
                self._to_do += to_do - self._growing.pop((source, what), 0.0)
                self._growing[source, what] = to_do
            case Planned(source, duration, to_do, units, chunks, found, what):
                self._to_do += to_do - self._growing.pop((source, what), 0.0)
                noun, verb = {"windows": ("window", "transcribe"), "sentences": ("sentence", "speak"),
                              "stretches": ("stretch", "listen to")}[what]
                kept = f"{found} of {count(units, noun)} found in the cache, " if found else ""
                self.message(logging.INFO, f"{source}: {clock(duration)}, {kept}{clock(to_do)} to {verb} in "
                                           f"{count(units - found, noun)}, {count(chunks, 'chunk')}")
            case Working(slot, device, source, what):
                self.workers.add(slot)
                self.message(logging.DEBUG, f"worker {slot + 1} ({device}): {source} {what}")
            case Advanced(seconds=seconds):
                self._done += seconds
        self.update(event)

    def update(self, event: RunEvent) -> None:
        """Show how far the run is: here a line now and then."""
        if isinstance(event, Advanced) and time.monotonic() - self._shown >= LINE_EVERY:
            self._shown = time.monotonic()
            self.message(logging.INFO, self.status())

    def status(self) -> str:
        """How far, how fast, how long still."""
        wall = time.monotonic() - self._began
        speed = self._done / wall if wall else 0.0
        left = clock((self._to_do - self._done) / speed) if speed else "?"
        return f"{clock(self._done)} of {clock(self._to_do)} done, {speed:.1f}x real time, {left} left"


class JsonReporter(Reporter):
    """One JSON object a line: for other programs."""

    def message(self, level: int, text: str, **fields: Any) -> None:
        if level >= self._level:
            record = {"time": round(time.time(), 3), "level": logging.getLevelName(level).lower(),
                      "message": text, **fields}
            self._print(json.dumps(record))

    def update(self, event: RunEvent) -> None:
        if isinstance(event, Advanced):
            self.message(logging.INFO, self.status(), source=event.source, done=round(self._done, 3),
                         to_do=round(self._to_do, 3), wall=round(time.monotonic() - self._began, 3))


class BarReporter(Reporter):
    """A bar in seconds of audio, and under it a line per worker."""

    def __init__(self, stream: TextIO, level: int) -> None:
        super().__init__(stream, level)
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=stream, highlight=False, soft_wrap=False)
        self._workers: dict[int, str] = {}
        self._live = Live(get_renderable=self._picture, console=self._console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Reporter:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def write(self, line: str, level: int) -> None:
        style = {logging.WARNING: "yellow", logging.ERROR: "bold red"}.get(level)
        self._console.print(_printable(line), style=style, markup=False, emoji=False, soft_wrap=True)

    def update(self, event: RunEvent) -> None:
        match event:
            case Working(slot, device, source, what):
                self._workers[slot] = f"worker {slot + 1} ({device}): {source} {what}"
            case Idle(slot):
                self._workers[slot] = f"worker {slot + 1}: idle"

    def _picture(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if not self._to_do:
            return Text("Decoding and looking for speech ...")
        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=self._to_do, completed=self._done, width=max(10, self._console.width - 60))
        row.add_row(bar, Text(self.status(), no_wrap=True))
        return Group(row, *(Text(_printable(self._workers[slot]), style="dim", overflow="ellipsis", no_wrap=True)
                            for slot in sorted(self._workers)))


def _printable(text: str) -> str:
    """A file name may hold newlines, escapes or bytes that are no text; a terminal must not obey them."""
    visible = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
    return visible.encode("utf-8", "replace").decode("utf-8")


def reporter(log_format: str, level: int) -> Reporter:
    """The reporter that fits standard error."""
    if sys.stderr is None:  # closed, as daemons do
        return Reporter(open(os.devnull, "w"), level)
    if log_format == "json":
        return JsonReporter(sys.stderr, level)
    if sys.stderr.isatty() and level <= logging.INFO:
        return BarReporter(sys.stderr, level)
    return Reporter(sys.stderr, level)


class LogHandler(logging.Handler):
    """Brings what the library logs to the reporter."""

    def __init__(self, to: Reporter) -> None:
        super().__init__()
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and self._to._level <= logging.DEBUG:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self._to.message(record.levelno, text)
