"""Silero's voices, on PyTorch: five Russian ones, and those of the CIS base model.

The models are fetched into our own folder and loaded from there by torch.package, as Silero's package does it,
which would put them into site-packages. They give no word times: see :mod:`voicekit.voices.aligning`.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from voicekit import device_audit
from voicekit import model_files as files
from voicekit.errors import DeviceError, EngineMissingError, ModelError
from voicekit.protocols import ModelOnDisk, VoiceSpec
from voicekit.spoken import SpelledWord, Spoken, Voice
from voicekit.text import stress
from voicekit.types import Span
from voicekit.voices.clauses import parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

URL = "https://models.silero.ai/models/tts/ru/"
"""Where Silero publishes; ``$VOICEKIT_SILERO_URL`` names a mirror."""

RATE = 24_000
LONGEST = 700
"""Characters; Silero's limit is about 800, and ``+`` marks count."""

RUSSIAN, CIS = "v5_5_ru", "v5_cis_base_nostress"
"""Models: the first finds stresses by itself, the second wants them marked in Slavic languages."""

_RUSSIAN_VOICES = {"xenia": "female", "aidar": "male", "baya": "female", "kseniya": "female", "eugene": "male"}
_CIS_VOICES = {
    "az": "aze", "ba": "bak", "be": "bel", "hy": "hye", "ka": "kat", "kk": "kaz", "tg": "tgk", "tt": "tat",
    "uk": "ukr", "uz": "uzb",
}
"""Language code to Silero's own."""

_SPEAKERS = {
    "aze": "gamat:m", "hye": "zara:f", "bak": "aigul:f alfia:f alfia2:f miyau:f ramilia:f",
    "bel": "anatoliy:m dmitriy:m larisa:f", "kat": "vika:f", "kbd": "eduard:m", "kaz": "zhadyra:f zhazira:f",
    "xal": "kejilgan:f kermen:f", "kir": "nurgul:f", "mdf": "oksana:f", "tgk": "onaoy:f safarhuja:m",
    "tat": "albina:f marat:m", "udm": "bogdan:m", "uzb": "saida:f", "ukr": "igor:m roman:m",
    "kjh": "karina:f sibday:m", "chv": "ekaterina:f", "erz": "alexandr:m", "sah": "zinaida:f",
}
_GENDERS: dict[str, Literal["female", "male"]] = {"f": "female", "m": "male"}


class Silero:
    """How Silero's voices are found, fetched and loaded."""

    name = "silero"
    extra = "silero"

    def installed(self) -> bool:
        """Whether torch is there; Silero's own package is not needed."""
        return importlib.util.find_spec("torch") is not None

    def how_to_install(self) -> str:
        """A sentence with the command."""
        return f'In voicekit\'s folder run: {sys.executable} -m pip install -e ".[silero]"'

    def version(self) -> str:
        """torch's version."""
        from importlib import metadata

        return f"torch {metadata.version('torch')}"

    def voices(self) -> Sequence[Voice]:
        """Every voice, the Russian model's first."""
        return _voices()

    def voice(self, name: str) -> Voice | None:
        """The voice of that name."""
        return next((voice for voice in _voices() if voice.name == name.lower()), None)

    def variants(self, voice: Voice) -> Sequence[Voice]:
        """None: a voice is as it is."""
        return ()

    def default(self, language: str) -> Voice | None:
        """The first voice that speaks the language."""
        return next((voice for voice in _voices() if language in voice.languages), None)

    def find(self, voice: Voice) -> ModelOnDisk | None:
        """The model that holds the voice, if it is in our folder. No network."""
        path = files.folder(self.name) / f"{_model(voice)}.pt"
        return _on_disk(voice, path) if path.is_file() else None

    def fetch(self, voice: Voice) -> ModelOnDisk:
        """Download the model that holds the voice into our folder."""
        name = f"{_model(voice)}.pt"
        url = os.environ.get("VOICEKIT_SILERO_URL", URL).rstrip("/") + "/" + name
        return _on_disk(voice, files.download(url, files.folder(self.name) / name))

    def load(self, spec: VoiceSpec) -> SileroSynthesizer:
        """Load the model and prove where its tensors are."""
        if not self.installed():
            raise EngineMissingError("Silero's voices need torch, which is not installed.", self.how_to_install())
        import torch

        if spec.device.startswith("cuda") and not torch.cuda.is_available():
            raise DeviceError(f"torch {torch.__version__} sees no GPU {spec.device}.", "Take --device cpu.")
        return SileroSynthesizer(spec)


class SileroSynthesizer:
    """A loaded voice of Silero."""

    paces = False

    def __init__(self, spec: VoiceSpec) -> None:
        import torch

        threads, gradients = torch.get_num_threads(), torch.is_grad_enabled()
        try:
            self._model = _load(spec.model.path)
            self._model.to(torch.device(spec.device))
        except Exception as error:  # torch's errors for damaged files share no narrower type
            raise ModelError(f"The voice model {spec.model.path} cannot be read: {error}",
                             "Delete the file and fetch it again.") from error
        finally:
            torch.set_num_threads(max(spec.threads, 1) if spec.threads else threads)
            torch.set_grad_enabled(gradients)
        self.device = device_audit.audit(self._model, spec.device)
        self._speaker = spec.voice.name
        speakers = getattr(self._model, "speakers", None)
        if speakers and self._speaker not in speakers:
            raise ModelError(f"The model {spec.model.path} has no voice {self._speaker!r}.",
                             f"It has: {', '.join(sorted(map(str, speakers)))}.")

    def speak(self, words: Sequence[SpelledWord], language: str, pace: float = 1.0) -> Spoken:
        """Say a sentence; see :class:`voicekit.protocols.Synthesizer`. The pace is the voice's own."""
        import numpy as np

        from voicekit.voices.aligning import align

        if not any(word.text for word in words):
            raise ValueError("There is nothing in it that can be said.")
        sounds, times, offset = [], list[Span | None]([None] * len(words)), 0
        for part in parts(words, LONGEST, stress.with_plus):
            said = [words[index] for index in part]
            sound = self._say(said)
            for index, span in zip(part, align(sound, RATE, said, language), strict=True):
                times[index] = None if span is None else Span(span.start + offset / RATE, span.end + offset / RATE)
            sounds.append(sound)
            offset += len(sound)
        return Spoken(np.concatenate(sounds), RATE, tuple(times))

    def _say(self, words: Sequence[SpelledWord]) -> NDArray[np.float32]:
        import numpy as np
        import torch

        text = ""
        for word in words:
            if word.text:
                text += " " * bool(text) + stress.with_plus(word)
            text += word.after if text and text[-1] not in ".,!?;:…—" else ""
        if not text.endswith((".", "!", "?", "…")):
            text += "."
        # Where the model draws lots, it draws the same for the same sentence.
        with torch.random.fork_rng(devices=[]), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            try:
                sound = self._model.apply_tts(text=text, speaker=self._speaker, sample_rate=RATE)
            except (ValueError, AssertionError, IndexError, KeyError) as error:
                raise ValueError(f"Silero cannot speak {text[:60]!r}: {error or type(error).__name__}") from error
        return np.ascontiguousarray(sound.detach().cpu().numpy().reshape(-1), np.float32)


@functools.lru_cache(maxsize=1)
def _voices() -> tuple[Voice, ...]:
    found = [Voice("silero", name, ("ru",), "CC BY-NC 4.0", False, "female" if gender == "female" else "male")
             for name, gender in _RUSSIAN_VOICES.items()]
    codes = {own: code for code, own in _CIS_VOICES.items()}
    for own, speakers in _SPEAKERS.items():
        for name, _, gender in (each.partition(":") for each in speakers.split()):
            if own in codes:
                found.append(Voice("silero", f"{own}_{name}", (codes[own],), "MIT", True, _GENDERS[gender]))
            found.append(Voice("silero", f"ru_{name}", ("ru",), "MIT", True, _GENDERS[gender]))
    return tuple(found)


def _model(voice: Voice) -> str:
    return RUSSIAN if voice.name in _RUSSIAN_VOICES else CIS


def _on_disk(voice: Voice, path: Path) -> ModelOnDisk:
    return ModelOnDisk(voice.name, str(path), files.revision(path), path.stat().st_size)


def _load(path: str) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.package.PackageImporter(path).load_pickle("tts_models", "model")
