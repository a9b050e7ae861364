"""A folder for what a run needs only while it lasts, and an end for those of runs that could not tidy up."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from voicekit.errors import OutputError

PREFIX = "voicekit-"
_LOCK = ".lock"


class TemporaryFolder:
    """A folder for decoded audio, removed at the end.

    While it is used a file in it is locked, by the system itself, so that the lock ends with the process
    however that ends. Entering also removes such folders whose process is gone.

    Parameters
    ----------
    parent : str or None
        Where to make it; None is the system's place.
    """

    def __init__(self, parent: str | None) -> None:
        self._parent = parent

    def __enter__(self) -> Path:
        parent = self._parent or tempfile.gettempdir()
        sweep(Path(parent))
        try:
            self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            self._lock = _locked(self._folder / _LOCK, make=True)
        except OSError as error:
            raise OutputError(f"No temporary folder can be made in {parent}: {error.strerror}.",
                              "Choose another one with --temp-dir.") from error
        return self._folder

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _locked(path: Path, *, make: bool) -> IO[bytes] | None:
    """The file, locked; None where it cannot be, because another process has it or the disk knows no locks."""
    file = open(path, "xb" if make else "r+b", opener=lambda name, flags: os.open(
        name, flags | getattr(os, "O_NOFOLLOW", 0), 0o600))
    try:
        import fcntl
    except ImportError:  # Windows keeps files that are open from being removed, which serves as well
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def sweep(parent: Path) -> list[Path]:
    """Remove the folders of processes that are gone; returns which.

    Only this user's, and only those with a lock file that nobody holds: what is in use, on this machine or on
    another that shares the disk and its locks, stays.
    """
    removed = []
    with contextlib.suppress(OSError):
        for entry in os.scandir(parent):
            if entry.name.startswith(PREFIX) and _is_stale(entry):
                shutil.rmtree(entry.path, ignore_errors=True)
                removed.append(Path(entry.path))
    return removed


def _is_stale(entry: os.DirEntry[str]) -> bool:
    try:
        if not entry.is_dir(follow_symlinks=False):
            return False
        if hasattr(os, "getuid") and entry.stat(follow_symlinks=False).st_uid != os.getuid():
            return False
        lock = _locked(Path(entry.path, _LOCK), make=False)
        if lock is None:
            return False
        lock.close()
        if os.name == "nt":
            os.unlink(Path(entry.path, _LOCK))
        return True
    except OSError:  # no lock file: not one of ours, or not made to its end yet
        return False
