"""What tells a model that somebody has put into a folder from another one of the same name: its content.

Reading gigabytes takes a second or more at every start, so what came of it is kept, for as long as the files are what
they were: in the same place, as long, and not touched since.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from voicekit import model_files

SETTLED = 2.0
"""Seconds since files were last touched from which on it is believed that a change would be seen: clocks of disks are
coarse."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def of_files(paths: Sequence[Path], named: bool = True) -> str:
    """The sha256 over the content of files, and over their names and sizes where ``named``."""
    facts = [(str(path.resolve()), path.stat()) for path in paths]
    settled = all(time.time() - max(one.st_mtime, one.st_ctime) > SETTLED for _, one in facts)
    known = "\n".join(f"{path} {one.st_size} {one.st_mtime_ns} {one.st_ctime_ns} {one.st_ino}" for path, one in facts)
    note = model_files.folder("revisions") / hashlib.sha256(os.fsencode(f"{named} {known}")).hexdigest()
    if settled:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if _DIGEST.fullmatch(found := note.read_text(encoding="ascii")):
                return found
    digest = _read(paths, named)
    if settled:
        with contextlib.suppress(OSError):  # no room: it is read again
            note.parent.mkdir(parents=True, exist_ok=True)
            new = note.with_name(f"{note.name}.{os.getpid()}")
            new.write_text(digest, encoding="ascii")
            os.replace(new, note)
    return digest


def _read(paths: Sequence[Path], named: bool) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if named:
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
