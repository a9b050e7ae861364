"""The store as a run uses it: trouble with its disk is told, and costs nothing but the store."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from voicekit.options import StoreOptions
from voicekit.profiling import note, step
from voicekit.store.results import Store

VARIABLE = "VOICEKIT_CACHE"
"""Environment variable that names the folder."""

Value = TypeVar("Value")


def default_folder() -> Path:
    """The folder that ``VOICEKIT_CACHE`` names, or the one in the user's cache folder."""
    return Path(os.environ.get(VARIABLE) or platformdirs.user_cache_dir("voicekit", appauthor=False))


class Cache:
    """A store that may fail, or not be there at all.

    Parameters
    ----------
    folder : path or None
        None for no store: nothing is found and nothing kept.
    tell : callable
        Gets one sentence for the user when the folder cannot be used; after that it is left alone.
    make : bool
        As for :class:`Store`.
    """

    def __init__(self, folder: str | os.PathLike[str] | None, tell: Callable[[str], None], *,
                 make: bool = True) -> None:
        self._tell = tell
        self._store: Store | None = None
        if folder is not None:
            self._folder = os.fspath(folder)
            try:
                self._store = Store(folder, make=make)
            except OSError as error:
                self._fail(error)

    @classmethod
    def of(cls, options: StoreOptions, tell: Callable[[str], None]) -> Cache:
        """The store that was asked for."""
        return cls((options.folder or default_folder()) if options.enabled else None, tell)

    @property
    def folder(self) -> str | None:
        """The folder, while it can be used."""
        return str(self._store.folder) if self._store is not None else None

    @property
    def damaged(self) -> int:
        """How many entries were found damaged, and set aside."""
        return self._damaged_before + (self._store.damaged if self._store is not None else 0)

    _damaged_before = 0

    def get(self, name: str, parse: Callable[[Any], Value]) -> Value | None:
        """As :meth:`Store.get`; None also where the disk fails."""
        if self._store is None:
            return None
        try:
            with step("look up"):
                found = self._store.get(name, parse)
                note(found=found is not None)
                return found
        except OSError as error:
            self._fail(error)
            return None

    def put(self, name: str, value: object) -> None:
        """As :meth:`Store.put`, where that is possible."""
        if self._store is None:
            return
        try:
            with step("keep"):
                self._store.put(name, value)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if self._store is not None:
            self._damaged_before = self._store.damaged
        self._store = None
        self._tell(f"The cache {self._folder} cannot be used ({error.strerror or error}). The run goes on "
                   "without it; should it be interrupted, this part has to be done again.")
