"""One JSON file for each result, with a checksum line.

A result's name is a hash of everything that decides it, so the same work is never done twice and an
entry is never out of date. An entry is written elsewhere and renamed into its place, so what is visible
is whole. No pickle: an entry from elsewhere can be wrong, but it cannot run code.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from voicekit import model_files

SCHEMA = 3
"""Part of every name: raise it when the meaning of a stored result changes."""

LARGEST = 1 << 28
"""Bytes; no entry is larger, so what is larger is none of ours."""

TAG = "CACHEDIR.TAG"
"""The file that tells backups, and voicekit, that a folder is a cache."""

_TAG_TEXT = """Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache made by voicekit. It may be removed at any time: voicekit cache clear
"""

Value = TypeVar("Value")


def name_of(parts: Mapping[str, object], content: bytes) -> str:
    """Name a result.

    Parameters
    ----------
    parts : mapping
        Everything but the sound that decides the result; JSON values.
    content : bytes
        The sound: PCM of the window.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    head = json.dumps({**parts, "schema": SCHEMA}, sort_keys=True, ensure_ascii=False).encode()
    digest = hashlib.sha256(len(head).to_bytes(8, "little") + head)
    digest.update(content)
    return digest.hexdigest()


def is_ours(folder: Path) -> bool:
    """Whether a folder is a store, or may become one: it holds nothing else that could be lost. In the user's cache
    folder models may have been put before the first result."""
    if (folder / TAG).exists() or not folder.exists():
        return True
    return all(one == model_files.in_the_users_cache() for one in folder.iterdir())


class Damaged(Exception):
    """An entry is not what its name says."""


class Store:
    """A folder of results.

    Parameters
    ----------
    folder : path
        Made when missing.
    make : bool
        False where it must be there already: what is missing then is a disk that is gone.

    Raises
    ------
    OSError
        If the folder cannot be made, and from every method when its disk fails.
    """

    def __init__(self, folder: str | os.PathLike[str], *, make: bool = True) -> None:
        self.folder = Path(folder)
        self.damaged = 0
        if not make:
            (self.folder / "incoming").stat()
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if not is_ours(self.folder):
            raise FileExistsError(errno.EEXIST, "it is a folder with other things in it")
        if not (self.folder / TAG).exists():  # the first thing in it, for others may come at the same moment
            (self.folder / TAG).write_text(_TAG_TEXT)
        for name in ("results", "incoming"):
            (self.folder / name).mkdir(exist_ok=True)

    def path(self, name: str) -> Path:
        """Where the entry of that name is, or would be."""
        return self.folder / "results" / name[:2] / f"{name}.json"

    def entries(self) -> Iterator[Path]:
        """Every file where entries are, ours or not."""
        for folder in sorted((self.folder / "results").iterdir()):
            if folder.is_dir() and not folder.is_symlink():
                yield from sorted(folder.iterdir())
            else:
                yield folder

    def get(self, name: str, parse: Callable[[Any], Value]) -> Value | None:
        """The stored value, or None where there is none.

        Parameters
        ----------
        name : str
            From :func:`name_of`.
        parse : callable
            Turns the JSON value into what it stands for. What it cannot use is damaged like a bit that
            flipped: set aside, counted, and as good as missing.
        """
        path = self.path(name)
        try:
            value = parse(load(path))
        except FileNotFoundError:
            return None
        except (Damaged, KeyError, TypeError, ValueError, AttributeError):
            self.damaged += 1
            set_aside(self.folder, path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # what is used lately is removed last
        return value

    def put(self, name: str, value: object) -> None:
        """Store a JSON value. What is there already is the same value, and is replaced whole."""
        path = self.path(name)
        path.parent.mkdir(exist_ok=True)  # no parents: a disk that is gone must not be made up for
        body = json.dumps(value, ensure_ascii=False).encode()
        handle, temporary = tempfile.mkstemp(dir=self.folder / "incoming", prefix="new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_checksum(name, body) + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def load(path: Path) -> Any:
    """An entry's JSON value.

    Raises
    ------
    Damaged
        If the file is not a whole entry of this name.
    OSError
        If it cannot be read.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
        raise Damaged(path.name)  # a pipe would be waited for, a link may lead anywhere
    checksum, _, body = path.read_bytes().partition(b"\n")
    if _checksum(path.stem, body) != checksum:
        raise Damaged(path.name)
    return json.loads(body)


def _checksum(name: str, body: bytes) -> bytes:
    # With the name, so that an entry that was copied over another is found out.
    return hashlib.sha256(name.encode() + b"\n" + body).hexdigest().encode()


def set_aside(folder: Path, path: Path) -> None:
    """Move what is no entry out of the way, for a person to look at. Where that is not possible, leave it."""
    with contextlib.suppress(OSError):
        (folder / "damaged").mkdir(exist_ok=True)
        try:
            os.replace(path, folder / "damaged" / f"{path.name}.{uuid.uuid4().hex[:8]}")
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            path.unlink()  # a mount point's file
