"""Which jobs are being worked on, in the folder that all who work share.

A file per job and run, whose time is kept fresh: a lock would need what network disks do not have, and a
process number means nothing on another machine. Ages are measured against a file written just now in the
same folder, so clocks of different machines do not matter.
"""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from pathlib import Path

FRESH = 60.0
"""Seconds; what was not touched for longer belongs to a run that is gone."""

_BEAT = 15.0


def _now(folder: Path) -> float:
    """The time as the folder's own disk tells it."""
    probe = folder / f".now-{uuid.uuid4().hex}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def living(folder: Path) -> dict[Path, float]:
    """The files of jobs that are being worked on, and when each began; those of the dead are removed.

    Parameters
    ----------
    folder : Path
        A store's folder.
    """
    place = folder / "running"
    if not place.is_dir():
        return {}
    now = _now(place)
    found: dict[Path, float] = {}
    for path in place.iterdir():
        with contextlib.suppress(OSError, ValueError):
            if now - path.stat().st_mtime > FRESH:
                path.unlink()
            elif not path.name.startswith("."):
                found[path] = float(path.read_text())
    return found


class Presence:
    """The jobs that this run works on, told to others.

    Parameters
    ----------
    folder : str
        A store's folder. Trouble with its disk is not told here: nothing is lost by it.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._token = uuid.uuid4().hex[:12]
        self._files: set[Path] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="presence", daemon=True)
        self._thread.start()

    def begin(self, job: str) -> bool:
        """Tell that a job is begun; whether another run works on the same one already."""
        try:
            place = self._folder / "running"
            place.mkdir(exist_ok=True)
            others = any(path.name.startswith(f"{job}.") and not path.name.endswith(self._token)
                         for path in living(self._folder))
            path = place / f"{job}.{self._token}"
            path.write_text(repr(_now(place)))
        except OSError:
            return False
        self._files = self._files | {path}
        return others

    def close(self) -> None:
        """All jobs are over."""
        self._ended.set()
        self._thread.join()
        for path in self._files:
            with contextlib.suppress(OSError):
                path.unlink()

    def _beat(self) -> None:
        while not self._ended.wait(_BEAT):
            for path in self._files:
                with contextlib.suppress(OSError):
                    os.utime(path)
