"""Piper's voices: small VITS models on onnxruntime, in some forty languages.

The package piper-tts is GPL-3; it is imported only when one of its voices is asked for, and never by the core.
A voice is an ONNX file and a JSON file beside it: from the hub (rhasspy/piper-voices), fetched into our own
folder, or any that the user puts there. Noise is switched off, so that the same words give the same samples.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from voicekit import model_files as files
from voicekit.errors import DeviceError, EngineMissingError, ModelError
from voicekit.protocols import ModelOnDisk, VoiceSpec
from voicekit.spoken import SpelledWord, Spoken, Voice
from voicekit.types import Span
from voicekit.voices.clauses import parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

URL = "https://huggingface.co/rhasspy/piper-voices/resolve/main/"
"""Where the voices are; ``$VOICEKIT_PIPER_URL`` names a mirror."""

LONGEST = 600
LICENCE = "see its MODEL_CARD (engine: GPL-3.0)"

PUBLISHED = """
ar_JO-kareem-medium:m ca_ES-upc_ona-medium:f cs_CZ-jirka-medium:m cy_GB-gwryw_gogleddol-medium:m
da_DK-talesyntese-medium:m de_DE-thorsten-medium:m de_DE-thorsten-high:m de_DE-kerstin-low:f de_DE-eva_k-x_low:f
el_GR-rapunzelina-low:f en_GB-alan-medium:m en_GB-alba-medium:f en_GB-cori-high:f en_US-amy-medium:f
en_US-hfc_female-medium:f en_US-hfc_male-medium:m en_US-joe-medium:m en_US-kristin-medium:f en_US-lessac-medium:f
en_US-lessac-high:f en_US-ryan-medium:m en_US-ryan-high:m es_ES-davefx-medium:m es_ES-sharvard-medium:m
es_MX-ald-medium:m fa_IR-amir-medium:m fi_FI-harri-medium:m fr_FR-siwis-medium:f fr_FR-tom-medium:m
hu_HU-anna-medium:f hu_HU-imre-medium:m is_IS-bui-medium:m it_IT-paola-medium:f it_IT-riccardo-x_low:m
ka_GE-natia-medium:f kk_KZ-issai-high:f lb_LU-marylux-medium:f lv_LV-aivars-medium:m nl_BE-nathalie-medium:f
nl_NL-mls-medium: no_NO-talesyntese-medium:m pl_PL-darkman-medium:m pl_PL-gosia-medium:f pt_BR-faber-medium:m
pt_PT-tugão-medium:m ro_RO-mihai-medium:m ru_RU-irina-medium:f ru_RU-denis-medium:m ru_RU-dmitri-medium:m
ru_RU-ruslan-medium:m sk_SK-lili-medium:f sl_SI-artur-medium:m sr_RS-serbski_institut-medium: sv_SE-nst-medium:
sw_CD-lanfrica-medium: tr_TR-dfki-medium:m uk_UA-ukrainian_tts-medium:f uk_UA-lada-x_low:f vi_VN-vais1000-medium:f
zh_CN-huayan-medium:f
"""
_NAME = re.compile(r"([a-z]{2,3})_([A-Z]{2})-(.+)-([a-z_]+)")
_GENDERS: dict[str, Literal["female", "male", ""]] = {"f": "female", "m": "male", "": ""}


class Piper:
    """How Piper's voices are found, fetched and loaded."""

    name = "piper"
    extra = "piper"

    def installed(self) -> bool:
        """Whether piper-tts is there; it is not imported to find out."""
        return importlib.util.find_spec("piper") is not None

    def how_to_install(self) -> str:
        """A sentence with the command."""
        return f'In voicekit\'s folder run: {sys.executable} -m pip install -e ".[piper]" (piper-tts is GPL-3.0)'

    def version(self) -> str:
        """Versions of piper-tts and onnxruntime."""
        from importlib import metadata

        return f"piper-tts {metadata.version('piper-tts')}, onnxruntime {metadata.version('onnxruntime')}"

    def voices(self) -> Sequence[Voice]:
        """Those in our folder, and those on the hub."""
        own = []
        for path in sorted(files.folder(self.name).glob("*.onnx")):
            with contextlib.suppress(ModelError, OSError):  # one that is no voice hides no other
                own.append(_own(path))
        names = {voice.name for voice in own}
        return (*own, *(voice for voice in _published() if voice.name not in names))

    def voice(self, name: str) -> Voice | None:
        """The voice of that name, of our folder or of the hub; or a path of an ONNX file with its JSON beside it."""
        path = Path(name).expanduser()
        if path.suffix == ".onnx" and path.is_file() and _config(path).is_file():
            return _own(path, str(path))
        return next((voice for voice in self.voices() if voice.name == name), None) or _named(name)

    def variants(self, voice: Voice) -> Sequence[Voice]:
        """None: a voice is as it is."""
        return ()

    def default(self, language: str) -> Voice | None:
        """A voice for the language: one of our folder if there is one."""
        return next((voice for voice in self.voices() if language in voice.languages), None)

    def find(self, voice: Voice) -> ModelOnDisk | None:
        """The voice's files if they are on disk. No network."""
        path = _path(voice)
        return _on_disk(voice, path) if path.is_file() and _config(path).is_file() else None

    def fetch(self, voice: Voice) -> ModelOnDisk:
        """Download the voice's two files into our folder."""
        found = self.find(voice)
        if found is not None:
            return found
        parsed = _NAME.fullmatch(voice.name)
        if parsed is None:
            raise ModelError(f"There is no voice {voice.name!r} at {_path(voice)}.",
                             f"Put its .onnx and .onnx.json files into {files.folder(self.name)}.")
        language, country, speaker, quality = parsed.groups()
        base = os.environ.get("VOICEKIT_PIPER_URL", URL).rstrip("/")
        place = f"{base}/{language}/{language}_{country}/{_quoted(speaker)}/{quality}/{_quoted(voice.name)}"
        target = _path(voice)
        files.download(f"{place}.onnx.json", _config(target))
        files.download(f"{place}.onnx", target)
        return _on_disk(voice, target)

    def load(self, spec: VoiceSpec) -> PiperSynthesizer:
        """Load the voice."""
        if not self.installed():
            raise EngineMissingError("piper-tts is not installed.", self.how_to_install())
        if spec.device != "cpu":
            raise DeviceError("Piper's voices run on the CPU here.", "Take --device cpu.")
        return PiperSynthesizer(spec)


class PiperSynthesizer:
    """A loaded voice of Piper."""

    paces = True

    def __init__(self, spec: VoiceSpec) -> None:
        path = Path(spec.model.path)
        try:
            self._voice = _load(path, spec.threads)
        except Exception as error:  # onnxruntime's errors and those of the package share no narrower type
            raise ModelError(f"The voice {path} cannot be read: {error}",
                             "Delete its files and fetch it again.") from error
        self.device = "cpu" if self._voice.session.get_providers() == ["CPUExecutionProvider"] else "unknown"
        if self.device != "cpu":
            raise DeviceError(f"The voice {path} is not on the CPU.", "Reinstall onnxruntime.")

    def speak(self, words: Sequence[SpelledWord], language: str, pace: float = 1.0) -> Spoken:
        """Say a sentence; see :class:`voicekit.protocols.Synthesizer`."""
        import numpy as np

        from voicekit.voices.aligning import align

        if not any(word.text for word in words):
            raise ValueError("There is nothing in it that can be said.")
        rate = int(self._voice.config.sample_rate)
        sounds, times, offset = [], list[Span | None]([None] * len(words)), 0
        for part in parts(words, LONGEST, lambda word: word.text):
            said = [words[index] for index in part]
            sound = self._say(said, pace)
            for index, span in zip(part, align(sound, rate, said, language), strict=True):
                times[index] = None if span is None else Span(span.start + offset / rate, span.end + offset / rate)
            sounds.append(sound)
            offset += len(sound)
        return Spoken(np.concatenate(sounds), rate, tuple(times))

    def _say(self, words: Sequence[SpelledWord], pace: float) -> NDArray[np.float32]:
        import numpy as np
        from piper import SynthesisConfig

        text = " ".join(word.text + word.after for word in words if word.text)
        scale = float(self._voice.config.length_scale) / min(max(pace, 0.3), 3.0)
        how = SynthesisConfig(length_scale=scale, noise_scale=0.0, noise_w_scale=0.0, normalize_audio=False)
        chunks = [chunk.audio_float_array.reshape(-1) for chunk in self._voice.synthesize(text, how)]
        if not chunks or not sum(map(len, chunks)):
            raise ValueError(f"Piper has no sound for {text[:60]!r}.")
        return np.ascontiguousarray(np.concatenate(chunks), np.float32)


def _load(path: Path, threads: int) -> Any:
    import onnxruntime
    from piper import PiperVoice
    from piper.config import PiperConfig

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = max(threads, 1), 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = PiperConfig.from_dict(json.loads(_config(path).read_text(encoding="utf-8")))
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return PiperVoice(config=config, session=session, download_dir=path.parent)


def _config(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _path(voice: Voice) -> Path:
    return Path(voice.name) if voice.name.endswith(".onnx") else files.folder("piper") / f"{voice.name}.onnx"


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name)


def _own(path: Path, name: str = "") -> Voice:
    """A voice of the user's; what it speaks stands in its JSON file."""
    try:
        config = json.loads(_config(path).read_text(encoding="utf-8"))
        language = config.get("language", {}).get("code", "") or config.get("espeak", {}).get("voice", "")
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{_config(path)} is not the JSON file of a voice: {error}",
                         "Copy the voice's own there.") from error
    known = next((voice for voice in _published() if voice.name == path.stem), None)
    code = re.split(r"[-_]", str(language))[0].lower() or "en"
    return Voice("piper", name or path.stem, (code,), LICENCE, gender=known.gender if known else "")


def _named(name: str, gender: Literal["female", "male", ""] = "") -> Voice | None:
    """Any voice of the hub, by its name alone."""
    parsed = _NAME.fullmatch(name)
    return Voice("piper", name, (parsed[1],), LICENCE, gender=gender) if parsed else None


@functools.lru_cache(maxsize=1)
def _published() -> tuple[Voice, ...]:
    each = (entry.partition(":") for entry in PUBLISHED.split())
    found = [_named(name, _GENDERS[gender]) for name, _, gender in each]
    return tuple(voice for voice in found if voice is not None)


def _on_disk(voice: Voice, path: Path) -> ModelOnDisk:
    return ModelOnDisk(voice.name, str(path), files.revision(path), path.stat().st_size)
