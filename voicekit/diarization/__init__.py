"""The diarization engines, found by name. Adding one is a line here and a module beside this file."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from importlib import metadata
from typing import cast

from voicekit import telemetry
from voicekit.errors import EngineMissingError, UsageError
from voicekit.protocols import DiarizerAdapter

_ADAPTERS = {
    "pyannote": "voicekit.diarization.pyannote_engine:Pyannote",
    "onnx": "voicekit.diarization.onnx_engine:Onnx",
    "embedded": "voicekit.diarization.embedded:Embedded",
}


def names() -> tuple[str, ...]:
    """Every engine's name, the best first."""
    return tuple(_ADAPTERS)


def adapter(name: str) -> DiarizerAdapter:
    """The adapter of that name; its own library is not imported.

    Raises
    ------
    UsageError
        If there is none; the hint lists those there are.
    """
    if name not in _ADAPTERS:
        raise UsageError(f"Unknown diarization engine {name!r}.",
                         f"Choose auto, off or one of: {', '.join(_ADAPTERS)}.")
    telemetry.switch_off()
    module, _, attribute = _ADAPTERS[name].partition(":")
    return cast(DiarizerAdapter, getattr(importlib.import_module(module), attribute)())


def installed(name: str) -> bool:
    """Whether the engine's packages can be imported (they are not imported to find out)."""
    return not _missing(name)


def _missing(name: str) -> list[str]:
    def there(package: str) -> bool:
        try:
            return importlib.util.find_spec(package) is not None
        except ModuleNotFoundError:  # of a package inside one that is missing
            return False

    return [package for package in adapter(name).profile.packages if not there(package)]


def version(name: str) -> str:
    """The versions of what computes the result, without importing it."""
    found = {}
    for library in adapter(name).profile.libraries:
        with contextlib.suppress(metadata.PackageNotFoundError):  # onnxruntime has other names for GPUs
            found[library] = metadata.version(library)
    return ", ".join(f"{library} {number}" for library, number in found.items())


def how_to_install(name: str) -> str:
    """The command that installs an engine's packages, for the Python that runs now."""
    extra = adapter(name).profile.extra
    return f'{sys.executable} -m pip install -e "{f".[{extra}]" if extra else "."}"'


def require_installed(name: str) -> None:
    """Raise :class:`EngineMissingError` with the command that installs it, unless it is."""
    missing = _missing(name)
    if missing:
        raise EngineMissingError(f"The diarization engine {name} is not installed: it needs {', '.join(missing)}.",
                                 f"In voicekit's folder run: {how_to_install(name)}")
