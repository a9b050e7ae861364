"""Where the files of models and voices lie, and how they come there: whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from functools import lru_cache
from pathlib import Path

from voicekit.errors import ModelError
from voicekit.version import __version__

TIMEOUT = 30.0
"""Seconds without a byte after which a server is taken to be gone."""

_BLOCK = 1 << 20


def folder(engine: str) -> Path:
    """The folder of an engine's models: under ``$VOICEKIT_MODELS``, or in the user's cache folder."""
    root = os.environ.get("VOICEKIT_MODELS")
    return (Path(root).expanduser() if root else in_the_users_cache()) / engine


def in_the_users_cache() -> Path:
    """Where models lie if ``$VOICEKIT_MODELS`` does not say another place."""
    return Path(os.getenv("XDG_CACHE_HOME") or Path.home() / ".cache") / "voicekit" / "models"


def download(url: str, target: Path, sha256: str = "") -> Path:
    """Fetch a file, unless it is there.

    Several processes may ask for the same file at the same time: each loads into a file of its own, and the
    last to finish is the one that stays.

    Parameters
    ----------
    url : str
        http or https.
    target : Path
        Where it is to lie.
    sha256 : str
        What it must be, where that is known.

    Raises
    ------
    ModelError
        If it cannot be had, or is not what it should be; the hint says which file to put where.
    """
    if target.is_file():
        return target
    hint = f"On a connected machine download {url} and put it at {target}; then no network is needed."
    partial = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        request = urllib.request.Request(url, headers={"User-Agent": f"voicekit/{__version__}"})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            handle, partial = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".partial", dir=target.parent)
            with os.fdopen(handle, "wb") as file:
                digest, length = hashlib.sha256(), 0
                while block := answer.read(_BLOCK):
                    file.write(block)
                    digest.update(block)
                    length += len(block)
                file.flush()
                os.fsync(file.fileno())
        _check(url, answer.headers.get("Content-Length"), length, sha256, digest.hexdigest(), hint)
        os.chmod(partial, 0o644)
        os.replace(partial, target)
    except (OSError, ValueError) as error:  # urllib's errors are OSErrors, a bad address is a ValueError
        cause = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is an answer too
        raise ModelError(f"Cannot download {url}: {cause}.", hint) from error
    finally:
        if partial is not None and os.path.exists(partial):
            os.unlink(partial)
    return target


def _check(url: str, promised: str | None, length: int, wanted: str, found: str, hint: str) -> None:
    if promised is not None and promised.isdigit() and int(promised) != length:
        raise ModelError(f"The download of {url} broke off after {length} of {promised} bytes.", hint)
    if wanted and wanted != found:
        raise ModelError(f"What {url} gave is not the file it should be (sha256 {found}).", hint)


def revision(path: Path) -> str:
    """The hash of a file: what tells it from another of the same name."""
    facts = path.stat()
    return _hash(str(path), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=64)  # a voice is looked for more than once in a run
def _hash(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
