"""The voices, found by the name of their synthesizer. Adding one is a line here and a module beside this file."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Sequence
from importlib import metadata

from voicekit.errors import EngineMissingError, UsageError
from voicekit.protocols import Stresser, VoiceAdapter
from voicekit.registry import Registry
from voicekit.spoken import Voice

_SYNTHESIZERS = Registry[VoiceAdapter]({
    "espeak": "voicekit.voices.espeak:Espeak",
    "silero": "voicekit.voices.silero:Silero",
    "piper": "voicekit.voices.piper:Piper",
}, "voice engine", "Choose one of: {}; or one with a voice, as espeak:en-us.")

names = _SYNTHESIZERS.names
adapter = _SYNTHESIZERS.adapter

STRESSED = frozenset({"ru", "uk", "be"})
"""Languages whose stress silero-stress knows."""

TEXT = "1"
"""Counts the changes of :mod:`voicekit.text` that change what is said."""

_SHOWN = 12


def parse(text: str, language: str | None) -> Voice | None:
    """The voice that ``ENGINE[:NAME]`` names.

    Parameters
    ----------
    text : str
        ``silero:xenia``, ``espeak:ru+f3``, or ``espeak`` for the engine's own choice.
    language : str or None
        Code of the language that is to be spoken; None where it is not known yet.

    Returns
    -------
    Voice or None
        None if no voice is named and the language is not known yet.

    Raises
    ------
    UsageError
        If there is no such engine or voice, or it does not speak the language; the hint lists what there is.
    EngineMissingError
        If the engine is not installed; the hint says how to.
    """
    engine, colon, name = text.strip().partition(":")
    chosen = adapter(engine.strip().lower())
    require_installed(chosen.name)
    name = name.strip()
    if not name:
        if colon:
            raise UsageError(f"{text!r} names no voice after the colon.", _list(chosen.name, language))
        if language is None:
            return None
        voice = chosen.default(language)
        if voice is None:
            raise UsageError(f"{chosen.name} has no voice for the language {language}.", _speakers(language))
        return voice
    voice = chosen.voice(name)
    if voice is None:
        raise UsageError(f"{chosen.name} has no voice {name!r}.", _list(chosen.name, language))
    if language is not None and language not in voice.languages:
        raise UsageError(f"The voice {chosen.name}:{voice.name} does not speak {language}; it speaks "
                         f"{', '.join(voice.languages)}.", _speakers(language))
    return voice


def others(voice: Voice, language: str) -> tuple[Voice, ...]:
    """More voices of the same engine for further speakers: those that are on disk and speak the language."""
    own = adapter(voice.engine)
    found = [one for one in own.voices() if language in one.languages and one.languages[0] == language]
    candidates = dict.fromkeys([*own.variants(voice), *found])
    return tuple(one for one in candidates if one != voice and own.find(one) is not None)


def require_installed(name: str) -> None:
    """Raise :class:`EngineMissingError` with the command that installs it, unless it is."""
    if not adapter(name).installed():
        raise EngineMissingError(f"The voice engine {name} is not installed.", adapter(name).how_to_install())


def may_stress(language: str) -> bool:
    """Whether stress marks matter in this language and can be found, if silero-stress is installed."""
    return language in STRESSED


def stresses(language: str) -> bool:
    """Whether :func:`stresser` gives something."""
    return may_stress(language) and all(importlib.util.find_spec(name) for name in ("silero_stress", "torch"))


def stresser(language: str) -> Stresser | None:
    """What finds the stressed vowels of a language; None if nothing does."""
    if not stresses(language):
        return None
    from voicekit.voices.silero_stress import SileroStresser

    return SileroStresser()


def text_version(language: str, stress: bool) -> str:
    """What decides the words that a voice is given: versions of our rules and of the packages they use."""
    packages = ["num2words", *(["silero-stress", "torch"] if stress and stresses(language) else [])]
    found = [f"text {TEXT}"]
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{package} {metadata.version(package)}")
    return ", ".join(found)


def _list(engine: str, language: str | None) -> str:
    """A sentence that lists an engine's voices, those of the language where it has some."""
    every = adapter(engine).voices()
    speaking = [voice for voice in every if language in voice.languages]
    return f"Choose one of: {_some(speaking or every)}."


def _speakers(language: str) -> str:
    """A sentence that lists the installed voices that speak a language."""
    found = [voice for name in names() if adapter(name).installed() for voice in adapter(name).voices()
             if language in voice.languages]
    if not found:
        return f"No installed voice speaks {language}; voicekit voices list shows those there are."
    return f"These do: {_some(found)}."


def _some(voices: Sequence[Voice]) -> str:
    shown = ", ".join(f"{voice.engine}:{voice.name}" for voice in voices[:_SHOWN])
    more = len(voices) - _SHOWN
    return shown + (f" and {more} more (voicekit voices list)" if more > 0 else "")
