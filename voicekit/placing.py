"""Putting a file on disk whole or not at all, and saying in words why that failed."""

from __future__ import annotations

import errno
import io
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from voicekit.errors import DISK_FULL, OutputError

_FORBIDDEN = (errno.EACCES, errno.EPERM)

# The process's own open files, by name. Where they lead to a regular file (`> out.txt`) that file is
# already open: putting another in its place would leave the writer with one that nobody sees.
_OWN = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/self/fd/\d+")


class NewFile(io.FileIO):
    """A file that remembers why it could not be written: FFmpeg only tells that it could not."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[super().write(rest):]
        except OSError as error:
            self.failure = error
            raise
        return len(data)


@contextmanager
def placed(target: Path) -> Iterator[NewFile]:
    """A new file to write into, which takes the place of ``target`` once it is whole.

    It lies beside ``target`` meanwhile. A symbolic link is followed. What is no regular file (a pipe,
    ``/dev/stdout``) gets the bytes at the end, for encoders go back to fill in what comes first.

    Parameters
    ----------
    target : Path
        The folder must exist. An existing file is replaced, and its permissions are kept.

    Raises
    ------
    OutputError
        If that cannot be done; ``target`` is then as it was before, and nothing is left behind.

    Examples
    --------
    >>> with placed(Path("talk.mp3")) as file:  # doctest: +SKIP
    ...     file.write(sound)
    """
    try:
        if is_stream(target):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "sound")
                yield from _written(path)
                _copy(path, target)
        else:
            yield from _replacing(Path(os.path.realpath(target)))
    except OSError as error:
        raise explain(error, target) from error


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 as :func:`placed` does.

    Parameters
    ----------
    path : Path
        The folder must exist.
    text : str
        Line ends are written as they are.

    Raises
    ------
    OutputError
        If that cannot be done; the file is then as it was before.

    Examples
    --------
    >>> write_text(Path("talk.txt"), "Good morning.\\n")  # doctest: +SKIP
    """
    with placed(path) as file:
        file.write(text.encode("utf-8"))


def is_stream(path: Path) -> bool:
    """Whether ``path`` can only be written straight: a pipe, a device, or this process's output.

    Examples
    --------
    >>> is_stream(Path("/dev/null")), is_stream(Path("talk.txt"))
    (True, False)
    """
    if _OWN.fullmatch(str(path)):
        return True
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def temporary_beside(path: Path) -> Path:
    """A new name in the folder of ``path``, short enough for every file system.

    Examples
    --------
    >>> temporary_beside(Path("talks/a.txt")).parent.name
    'talks'
    """
    return path.with_name(f".voicekit-{secrets.token_hex(8)}.tmp")


def explain(error: OSError, path: Path) -> OutputError:
    """What an error of the operating system means for the user, and what to do.

    Parameters
    ----------
    error : OSError
        As it was raised.
    path : Path
        What was to be written; ``error`` may name a temporary file instead.

    Examples
    --------
    >>> explain(OSError(errno.ENOSPC, "No space left on device"), Path("a.srt")).hint
    'Free some space, or choose another folder with -o.'
    """
    reason = error.strerror or str(error)
    message = f"Cannot write {path}: {reason}."
    if error.errno in DISK_FULL:
        return OutputError(message, "Free some space, or choose another folder with -o.")
    if error.errno in _FORBIDDEN:
        return OutputError(message, "Choose a folder that you may write to with -o, "
                                    "or change the permissions of this one.")
    if error.errno == errno.EROFS:
        return OutputError(message, "The disk can only be read; choose a folder on another one with -o.")
    if error.errno == errno.ENAMETOOLONG:
        return OutputError(message, "Choose a shorter name with -o.")
    if error.errno == errno.EISDIR:
        return OutputError(message, "It is a folder; choose the name of a file inside it.")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(message, "A part of the path is a file, not a folder; "
                                    "choose another folder with -o.")
    if error.errno == errno.ENOENT:
        return OutputError(message, "Make its folder first, or choose another one with -o.")
    return OutputError(message, "Choose another place with -o.")


def _replacing(target: Path) -> Iterator[NewFile]:
    if target.is_dir():  # else told only after hours of encoding
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    temporary = temporary_beside(target)
    try:
        yield from _written(temporary)
        # What was made private stays private when it is made again. There may be no file yet, and some network
        # disks know no permissions.
        with suppress(OSError):
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _written(path: Path) -> Iterator[NewFile]:
    with NewFile(path, "x+") as file:
        try:
            yield file
            os.fsync(file.fileno())
        except Exception as error:
            raise file.failure or error


def _copy(path: Path, target: Path) -> None:
    # Appending: standard output that was sent to a file keeps what is in it already.
    with open(path, "rb") as file, os.fdopen(os.open(target, os.O_WRONLY | os.O_APPEND), "wb") as stream:
        shutil.copyfileobj(file, stream, 1 << 20)
