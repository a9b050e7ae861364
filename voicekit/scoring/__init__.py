"""How good a result is, against a reference: who spoke when, and what was said."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from voicekit.errors import EngineMissingError, InputError

EXTRA = "score"


def need(module: str, package: str, purpose: str) -> ModuleType:
    """Import what a measure is computed with.

    Parameters
    ----------
    module, package : str
        Its name in Python, and for pip.
    purpose : str
        What it computes, for the message.

    Raises
    ------
    EngineMissingError
        If it is not installed; the hint names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise EngineMissingError(f"To compute {purpose} the package {package} is needed: {error}.",
                                 f'In voicekit\'s folder run: {sys.executable} -m pip install -e ".[{EXTRA}]"'
                                 ) from error


def read_text(path: str | Path, what: str) -> str:
    """A text file in UTF-8, with or without its mark.

    Raises
    ------
    InputError
        If it cannot be read or is not such text.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.",
                         "Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not {what}: it is not text in UTF-8 (byte {error.start}).",
                         "Save it as UTF-8, or choose another file.") from error
    if "\0" in text:
        raise InputError(f"{path} is not {what}: it holds bytes that are no text.",
                         "Save it as UTF-8, or choose another file.")
    return text
