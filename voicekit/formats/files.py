"""Putting a text on disk whole or not at all, and saying in words why that failed."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from voicekit.errors import DISK_FULL, OutputError

_FORBIDDEN = (errno.EACCES, errno.EPERM)

# The process's own open files, by name. Where they lead to a regular file (`> out.txt`) that file is
# already open: putting another in its place would leave the writer with one that nobody sees.
_OWN = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/self/fd/\d+")


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8 so that nobody ever sees half of it.

    The text goes into a temporary file in the same folder, which then takes the place of
    ``path``. A symbolic link is followed. What is no regular file (a pipe, ``/dev/stdout``) is
    opened and written.

    Parameters
    ----------
    path : Path
        The folder must exist. An existing file is replaced, and its permissions are kept.
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
    data = text.encode("utf-8")
    try:
        if is_stream(path):
            _append(path, data)
        else:
            _replace(Path(os.path.realpath(path)), data)
    except OSError as error:
        raise explain(error, path) from error


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


def _append(path: Path, data: bytes) -> None:
    # Appending: standard output that was sent to a file keeps what is in it already.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND), "wb") as file:
        file.write(data)


def _replace(target: Path, data: bytes) -> None:
    temporary = temporary_beside(target)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A transcript that was made private stays private when it is made again. There may be none yet,
        # and some network disks know no permissions.
        with suppress(OSError):
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
