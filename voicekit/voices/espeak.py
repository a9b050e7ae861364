"""espeak-ng: the embedded voice, small and quick, in more than a hundred languages.

Its library is GPL-3 and is only used where the user has installed it: in a process of its own
(:mod:`voicekit.voices.espeak_process`), from which the samples and the times of the words come.
"""

from __future__ import annotations

import ctypes.util
import functools
import importlib.util
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from voicekit.errors import EngineMissingError, ModelError
from voicekit.protocols import ModelOnDisk, VoiceSpec
from voicekit.spoken import SpelledWord, Spoken, Voice
from voicekit.text import espeak_phonemes, stress
from voicekit.voices.espeak_library import Answer, Process
from voicekit.voices.espeak_times import word_times

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LICENCE = "GPL-3.0 (program and voices; what it says is yours)"
SPEED, SLOWEST, FASTEST = 175, 80, 450
"""Words per minute: espeak-ng's own, and the ends of what it takes."""

FEMALE = ("f2", "f3", "f4", "f1", "f5")
MALE = ("m3", "m1", "m7", "m5", "m2", "m4", "m6", "m8")
"""Variants that tell speakers apart, the clearest first."""

PREFERRED = {"en": "en-us", "fr": "fr-fr", "es": "es", "pt": "pt", "zh": "cmn", "no": "nb", "vi": "vi", "ru": "ru"}
CODES = {"cmn": "zh", "nb": "no", "hyw": "hy", "jv": "jw", "iw": "he"}
"""espeak-ng's code to the code of :mod:`voicekit.languages`."""


class Espeak:
    """How espeak-ng is found and started."""

    name = "espeak"
    extra = "revoice"

    def installed(self) -> bool:
        """Whether a library is there: the system's, or that of the package espeakng-loader."""
        return library() is not None

    def how_to_install(self) -> str:
        """A sentence with the command."""
        command = f"{sys.executable} -m pip install espeakng-loader"
        if shutil.which("espeak-ng"):
            return ("The program espeak-ng is here, but voicekit needs its library, which tells where the words "
                    f"are: apt install libespeak-ng1, or: {command}")
        return f"Install espeak-ng (apt install libespeak-ng1, brew install espeak-ng), or: {command}"

    def version(self) -> str:
        """The library's version."""
        return f"espeak-ng {_version()}"

    def voices(self) -> Sequence[Voice]:
        """One voice per language or accent; each also has variants such as ``ru+f3``."""
        return _voices() if self.installed() else ()

    def voice(self, name: str) -> Voice | None:
        """A voice or a variant of one by its name: ``ru``, ``en-us+f3``."""
        base, plus, variant = name.partition("+")
        found = next((voice for voice in self.voices() if voice.name.lower() == base.lower()), None)
        if found is None or not plus:
            return found
        if not re.fullmatch(r"[\w ]{1,30}", variant) or variant not in _variants():
            return None
        return _variant(found, variant)

    def variants(self, voice: Voice) -> Sequence[Voice]:
        """Voices of the same language to tell speakers apart, women and men by turns."""
        base = self.voice(voice.name.partition("+")[0])
        if base is None:
            return ()
        names = [name for pair in zip(FEMALE, MALE, strict=False) for name in pair] + [*MALE[len(FEMALE):]]
        return tuple(_variant(base, name) for name in names if name in _variants())

    def default(self, language: str) -> Voice | None:
        """The voice for a language; None if there is none."""
        preferred = self.voice(PREFERRED.get(language, language))
        return preferred or next((voice for voice in self.voices() if language in voice.languages), None)

    def find(self, voice: Voice) -> ModelOnDisk | None:
        """The library: it carries all voices."""
        path = library()
        if path is None or self.voice(voice.name) is None:
            return None
        file = Path(path[0])
        return ModelOnDisk(voice.name, path[0], _version(), file.stat().st_size if file.is_file() else 0)

    def fetch(self, voice: Voice) -> ModelOnDisk:
        """There is nothing to fetch: the voices come with the library."""
        found = self.find(voice)
        if found is None and self.installed():
            raise ModelError(f"espeak-ng {_version()} has no voice {voice.name!r}.",
                             "voicekit voices list shows those it has.")
        if found is None:
            raise EngineMissingError("espeak-ng is not installed.", self.how_to_install())
        return found

    def load(self, spec: VoiceSpec) -> EspeakSynthesizer:
        """Start its process."""
        if not self.installed():
            raise EngineMissingError("espeak-ng is not installed.", self.how_to_install())
        return EspeakSynthesizer(spec.voice)


class EspeakSynthesizer:
    """espeak-ng with one voice."""

    def __init__(self, voice: Voice) -> None:
        self.paces = True
        self.device = "cpu"
        self._voice = _file(voice.name)
        self._process = Process(*_required())
        self._render = stress.with_acute if _number(self._process.version) >= (1, 53) else None

    def speak(self, words: Sequence[SpelledWord], language: str, pace: float = 1.0) -> Spoken:
        """Say a sentence; see :class:`voicekit.protocols.Synthesizer`."""
        parts = self._written(words, language)
        if not any(parts):
            raise ValueError("There is nothing in it that can be said.")
        text, places = _joined(parts, words)
        speed = round(min(max(SPEED * pace, SLOWEST), FASTEST))
        answer = self._process.ask({"text": text, "voice": self._voice, "speed": speed,
                                    "alone": [word.text for word in words]})
        samples = _floats(answer)
        if not samples.size:
            raise ValueError(f"espeak-ng has no sound for {text[:60]!r}.")
        return Spoken(samples, answer.rate, word_times(answer, places, [word.text for word in words]))

    def _written(self, words: Sequence[SpelledWord], language: str) -> list[str]:
        """The words as the library takes them: with their stress where it would put it elsewhere."""
        if self._render is not None:
            return [self._render(word) for word in words]
        forms = [espeak_phonemes.mnemonics(word, language) for word in words]
        if not any(forms):
            return [word.text for word in words]
        alone = self._process.ask({"voice": self._voice, "alone": [word.text for word in words]}).alone
        return [form if form and espeak_phonemes.differs(word, phonemes) else word.text
                for word, form, phonemes in zip(words, forms, alone, strict=True)]


@functools.lru_cache(maxsize=2)
def guide(language: str) -> EspeakSynthesizer | None:
    """espeak-ng's own voice for a language, which shows where the words are in that of another engine."""
    voice = Espeak().default(language)
    return EspeakSynthesizer(voice) if voice is not None else None


def _joined(parts: Sequence[str], words: Sequence[SpelledWord]) -> tuple[str, list[int | None]]:
    """The text to say, and where in it each word begins."""
    text, places = "", list[int | None]()
    for part, word in zip(parts, words, strict=True):
        if not part:
            places.append(None)
            text += word.after if text and not text.endswith(tuple(".,;:!?…")) else ""
            continue
        text += " " if text else ""
        places.append(len(text))
        text += part + word.after
    return text, places


def _floats(answer: Answer) -> NDArray[np.float32]:
    import numpy as np

    return (np.frombuffer(answer.sound, "<i2").astype(np.float32) / 32768).astype(np.float32)


def library() -> tuple[str, str] | None:
    """Name or path of the library and of its data (empty: its own); None where there is none."""
    system = ctypes.util.find_library("espeak-ng")
    if system is not None:
        return system, ""
    if importlib.util.find_spec("espeakng_loader") is None:
        return None
    import espeakng_loader

    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()


def _required() -> tuple[str, str]:
    found = library()
    if found is None:
        raise EngineMissingError("espeak-ng is not installed.", Espeak().how_to_install())
    return found


@functools.lru_cache(maxsize=1)
def _listed() -> tuple[str, list[tuple[str, list[str], int, str]], list[tuple[str, list[str], int, str]]]:
    """Version, voices and variants, asked of the library once."""
    process = Process(*_required())
    return process.version, process.ask({"list": ""}).voices, process.ask({"list": "variant"}).voices


def _version() -> str:
    """As 1.51 or 1.52.0."""
    return ".".join(str(part) for part in _number(_listed()[0]))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3]) or (0,)


@functools.lru_cache(maxsize=1)
def _voices() -> tuple[Voice, ...]:
    found = []
    for _, languages, gender, _ in _listed()[1]:
        codes = dict.fromkeys(_code(each) for each in languages)
        found.append(Voice("espeak", languages[0], tuple(codes), LICENCE, gender=_gender(gender)))
    return tuple(found)


def _file(name: str) -> str:
    """A voice as the library finds it with a variant too: by the file of its language, ``gmw/en+f3``."""
    base, plus, variant = name.partition("+")
    files = {languages[0]: identifier for _, languages, _, identifier in _listed()[1]}
    return files.get(base, base) + plus + variant


def _code(language: str) -> str:
    base = language.partition("-")[0]
    return CODES.get(base, base)


@functools.lru_cache(maxsize=1)
def _variants() -> frozenset[str]:
    return frozenset(identifier.rpartition("/")[2] for _, _, _, identifier in _listed()[2])


def _variant(base: Voice, variant: str) -> Voice:
    gender: Literal["female", "male", ""] = (
        "female" if re.fullmatch(r"f\d+", variant) else "male" if re.fullmatch(r"m\d+", variant) else "")
    return Voice(base.engine, f"{base.name}+{variant}", base.languages, base.licence, base.commercial, gender)


def _gender(number: int) -> Literal["female", "male", ""]:
    return "male" if number == 1 else "female" if number == 2 else ""
