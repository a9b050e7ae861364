"""The engines, found by name. Adding one is a line here and a module beside this file."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from importlib import metadata
from typing import cast

from voicekit import telemetry
from voicekit.errors import EngineMissingError, UsageError
from voicekit.protocols import EngineAdapter

_ADAPTERS = {
    "faster-whisper": "voicekit.engines.faster_whisper:FasterWhisper",
    "openai-whisper": "voicekit.engines.openai_whisper:OpenAIWhisper",
    "gigaam": "voicekit.engines.onnx_asr:GigaAM",
    "parakeet": "voicekit.engines.onnx_asr:Parakeet",
    "pocketsphinx": "voicekit.engines.pocketsphinx:PocketSphinx",
}


def names() -> tuple[str, ...]:
    """Every engine's name, the default first."""
    return tuple(_ADAPTERS)


def adapter(name: str) -> EngineAdapter:
    """The adapter of that name; its engine's own library is not imported.

    Raises
    ------
    UsageError
        If there is none; the hint lists those there are.

    Examples
    --------
    >>> adapter("pocketsphinx").profile.languages
    frozenset({'en'})
    """
    if name not in _ADAPTERS:
        raise UsageError(f"Unknown engine {name!r}.", f"Choose auto or one of: {', '.join(_ADAPTERS)}.")
    telemetry.switch_off()
    module, _, attribute = _ADAPTERS[name].partition(":")
    return cast(EngineAdapter, getattr(importlib.import_module(module), attribute)())


def installed(name: str) -> bool:
    """Whether the engine's package can be imported (it is not imported to find out)."""
    return importlib.util.find_spec(adapter(name).profile.package) is not None


def version(name: str) -> str:
    """The versions of what computes the words, without importing it.

    Examples
    --------
    >>> version("pocketsphinx")[:12]
    'pocketsphinx'
    """
    found = {}
    for library in adapter(name).profile.libraries:
        with contextlib.suppress(metadata.PackageNotFoundError):  # onnxruntime has other names for GPUs
            found[library] = metadata.version(library)
    return ", ".join(f"{library} {number}" for library, number in found.items())


def how_to_install(name: str) -> str:
    """The command that installs an engine's package, for the Python that runs now."""
    return f'{sys.executable} -m pip install -e ".[{adapter(name).profile.extra}]"'


def require_installed(name: str) -> None:
    """Raise :class:`EngineMissingError` with the command that installs it, unless it is."""
    if not installed(name):
        raise EngineMissingError(f"The engine {name} is not installed.",
                                 f"In voicekit's folder run: {how_to_install(name)}")
