"""Results on disk, named by what they were made from: one JSON file each, with a checksum line.

A result's name is a hash of everything that decides it, so the same work is never done twice and an
entry is never out of date. An entry is written beside its place and renamed, so what is visible is
whole. No pickle: an entry from elsewhere can be wrong, but it cannot run code.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCHEMA = 1
"""Part of every name: raise it when the meaning of a stored result changes."""


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
    return hashlib.sha256(len(head).to_bytes(8, "little") + head + content).hexdigest()


class Store:
    """A folder of results.

    Parameters
    ----------
    folder : path
        Made when missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}.json"

    def get(self, name: str) -> Any | None:
        """The stored value, or None where there is none or the entry is damaged."""
        try:
            checksum, _, body = self._path(name).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        if hashlib.sha256(body).hexdigest().encode() != checksum:
            return None
        return json.loads(body)

    def put(self, name: str, value: object) -> None:
        """Store a JSON value. What is there already is the same value, and is replaced whole."""
        path = self._path(name)
        path.parent.mkdir(exist_ok=True)
        body = json.dumps(value, ensure_ascii=False).encode()
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
