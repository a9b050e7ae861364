"""Whisper on CTranslate2, through faster-whisper: the default engine."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voicekit.engines import revisions
from voicekit.engines import whisper_windows as shared
from voicekit.engines.whisper_windows import Decoded, Effort
from voicekit.engines.whisper_words import TIMESTAMPS, Timing
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.languages import LANGUAGES
from voicekit.options import DecodingOptions, Quality
from voicekit.profiling import step
from voicekit.protocols import EngineProfile, EngineSpec, ModelOnDisk, Samples
from voicekit.types import WindowResult

# Where each model is kept; a test compares this with faster-whisper's own table. It stands here
# because that one cannot be read without importing the whole engine.
REPOSITORIES = {
    "tiny": "Systran/faster-whisper-tiny",
    "base": "Systran/faster-whisper-base",
    "small": "Systran/faster-whisper-small",
    "medium": "Systran/faster-whisper-medium",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "large-v3": "Systran/faster-whisper-large-v3",
    "large": "Systran/faster-whisper-large-v3",
    "large-v2": "Systran/faster-whisper-large-v2",
    "large-v1": "Systran/faster-whisper-large-v1",
    "tiny.en": "Systran/faster-whisper-tiny.en",
    "base.en": "Systran/faster-whisper-base.en",
    "small.en": "Systran/faster-whisper-small.en",
    "medium.en": "Systran/faster-whisper-medium.en",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "distil-large-v2": "Systran/faster-distil-whisper-large-v2",
    "distil-medium.en": "Systran/faster-distil-whisper-medium.en",
    "distil-small.en": "Systran/faster-distil-whisper-small.en",
}

# What a model's folder holds. Without tokenizer.json faster-whisper would ask the hub for one.
REQUIRED = ("model.bin", "config.json", "tokenizer.json")
PATTERNS = (*REQUIRED, "vocabulary.*", "preprocessor_config.json")

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")

CUBLAS_HINT = "Install it with pip install nvidia-cublas-cu12, or take --device cpu."

MAX_LENGTH = 448
"""Tokens of Whisper's text context, prompt included."""


class FasterWhisper:
    """How faster-whisper's models are found, fetched and loaded."""

    profile = EngineProfile(
        name="faster-whisper",
        package="faster_whisper",
        extra="",
        licence="MIT (engine and models)",
        languages=None,
        max_window=shared.MAX_WINDOW,
        batched=True,
        max_threads=4,
        compute_types={
            "cpu": ("int8", "int8_float32", "float32"),
            "cuda": ("float16", "int8_float16", "bfloat16", "int8_bfloat16", "int8", "int8_float32", "float32"),
        },
        supports=shared.SUPPORTS,
        libraries=("faster-whisper", "ctranslate2"),
    )

    def models(self) -> Sequence[str]:
        """Names that ``--model`` takes; a hub's owner/name or a folder is taken too."""
        return tuple(REPOSITORIES)

    def default_model(self, quality: Quality, device: str) -> str:
        """The preset's model on ``cpu`` or ``cuda``."""
        return shared.preset_model(quality, device)

    def find(self, model: str) -> ModelOnDisk | None:
        """The model if it is on disk: a name, a hub's owner/name, or a folder. No network."""
        folder = Path(model).expanduser()
        if folder.name == "model.bin" and folder.is_file():
            folder = folder.parent
        if model not in REPOSITORIES and folder.exists():
            missing = _missing(folder)
            if missing:
                raise ModelError(
                    f"The model folder {model!r} lacks {', '.join(missing)}.",
                    "A folder for this engine holds model.bin, config.json, tokenizer.json and "
                    "vocabulary.json (or .txt), as ct2-transformers-converter --copy_files tokenizer.json "
                    "preprocessor_config.json writes it.")
            return ModelOnDisk(model, str(folder.resolve()), revisions.of_files(_files(folder)), _size(folder))
        return self._in_cache(model, self._repository(model))

    def fetch(self, model: str) -> ModelOnDisk:
        """Download the model from the Hugging Face hub into its cache."""
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
        from huggingface_hub.utils.tqdm import disable_progress_bars

        repository = self._repository(model)
        if not sys.stderr.isatty():
            disable_progress_bars()
        try:
            folder = snapshot_download(repository, allow_patterns=list(PATTERNS),
                                       cache_dir=shared.models_folder("hub"))
        except GatedRepoError as error:
            raise ModelError(f"The hub gives {repository} only to accounts that accepted its terms.",
                             "Accept them on its page and put your token into HF_TOKEN.") from error
        except RepositoryNotFoundError as error:
            raise ModelError(f"The hub has no model {repository}, or it is private.",
                             f"Choose one of: {', '.join(REPOSITORIES)}.") from error
        # The hub's client raises errors of whatever HTTP library it is built on this year.
        except Exception as error:
            raise shared.unreachable(model, self.profile.name, error) from error
        missing = _missing(Path(folder))
        if missing:
            raise ModelError(f"{repository} is no model for this engine: it lacks {', '.join(missing)}.",
                             "Take one that was converted for CTranslate2, with its tokenizer.json.")
        return _on_disk(model, Path(folder))

    def cuda_devices(self) -> int:
        """How many GPUs CTranslate2 can use: none without the cuBLAS it was built for."""
        import ctranslate2

        return int(ctranslate2.get_cuda_device_count()) if load_cublas() else 0

    def load(self, spec: EngineSpec) -> FasterWhisperTranscriber:
        """Load the model and prove where it is."""
        import ctranslate2
        from faster_whisper import WhisperModel

        kind, index = spec.device.partition(":")[0], shared.cuda_index(spec.device)
        if kind == "cuda" and index >= ctranslate2.get_cuda_device_count():
            raise DeviceError(f"CTranslate2 sees no GPU {spec.device}.",
                              "Check the driver with nvidia-smi, or take --device cpu.")
        if kind == "cuda" and not load_cublas():
            raise DeviceError("CTranslate2 needs the cuBLAS of CUDA 12, which is not installed.", CUBLAS_HINT)
        possible = ctranslate2.get_supported_compute_types(kind, index)
        if spec.compute_type not in possible:
            raise UsageError(f"{spec.device} cannot compute in {spec.compute_type}.",
                             f"Choose --compute-type from: {', '.join(sorted(possible))}.")
        missing = _missing(Path(spec.model.path))
        if missing:  # or the library would ask the hub for a tokenizer
            raise ModelError(f"The model {spec.model.name!r} at {spec.model.path} lacks {', '.join(missing)}.",
                             f"Run: voicekit models fetch {spec.model.name} --engine {self.profile.name}")
        try:
            model = WhisperModel(spec.model.path, device=kind, device_index=index,
                                 compute_type=spec.compute_type, cpu_threads=spec.threads, num_workers=1)
        except Exception as error:  # CTranslate2's and the tokenizer's errors share no narrower type
            if "out of memory" in str(error).lower():
                raise DeviceError(f"The model {spec.model.name!r} does not fit on {spec.device}.",
                                  "Take a smaller --model, or --compute-type int8.") from error
            raise ModelError(f"The model {spec.model.name!r} at {spec.model.path} cannot be read: {error}",
                             "Delete its folder and fetch it again.") from error
        prove(model.model, spec)
        transcriber = FasterWhisperTranscriber(model)
        if kind == "cuda":
            _try_out(transcriber)
        return transcriber

    def _repository(self, model: str) -> str:
        if model in REPOSITORIES:
            return REPOSITORIES[model]
        if HUB_ID.fullmatch(model):
            return model
        raise shared.unknown_model(model, self.models(), "a hub's owner/name, or the folder of a model")

    def _in_cache(self, model: str, repository: str) -> ModelOnDisk | None:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(repository, "model.bin", cache_dir=shared.models_folder("hub"))
        if not isinstance(found, str) or _missing(Path(found).parent):
            return None
        return _on_disk(model, Path(found).parent)


def _on_disk(model: str, snapshot: Path) -> ModelOnDisk:
    # The folder of a snapshot in the hub's cache is named by its commit.
    return ModelOnDisk(model, str(snapshot), snapshot.name, _size(snapshot))


def _files(folder: Path) -> list[Path]:
    return sorted({path for pattern in PATTERNS for path in folder.glob(pattern) if path.is_file()})


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(folder))


def _missing(folder: Path) -> list[str]:
    """Names of the files that a model's folder lacks."""
    lacking = [name for name in REQUIRED if not (folder / name).is_file()]
    return lacking if any(folder.glob("vocabulary.*")) else [*lacking, "vocabulary.json"]


def prove(model: Any, spec: EngineSpec) -> None:
    """Check that a loaded model is on the device and in the precision that were asked for.

    Raises
    ------
    DeviceError
        If it is not.
    """
    kind, index = spec.device.partition(":")[0], shared.cuda_index(spec.device)
    where = _device(model)
    if model.device != kind or list(model.device_index) != [index]:
        raise DeviceError(f"The module ctranslate2.models.Whisper is on {where}, not on {spec.device}.",
                          "Report this; meanwhile take --device cpu.")
    # "int8" is read back with the type of its activations: int8_float32.
    if model.compute_type != spec.compute_type and not model.compute_type.startswith(f"{spec.compute_type}_"):
        raise DeviceError(f"The module ctranslate2.models.Whisper computes in {model.compute_type} on {where}, "
                          f"not in {spec.compute_type}.", f"Take --compute-type {model.compute_type}.")


def _device(model: Any) -> str:
    return f"cuda:{model.device_index[0]}" if model.device == "cuda" else str(model.device)


def load_cublas() -> bool:
    """Load the cuBLAS that CTranslate2 asks for by name when it first computes; whether there is one.

    CTranslate2 finds only what the system's loader finds. One that was installed as a Python package
    lies elsewhere, but once it is in the process the loader knows it by its name.
    """
    name = "cublas64_12.dll" if sys.platform == "win32" else "libcublas.so.12"
    package = importlib.util.find_spec("nvidia.cublas") if importlib.util.find_spec("nvidia") else None
    places = [Path(place) / part / name for place in (package.submodule_search_locations or () if package else ())
              for part in ("lib", "bin")]
    for candidate in (name, *(str(place) for place in places if place.exists())):
        with contextlib.suppress(OSError):
            ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL)
            return True
    return False


def _try_out(transcriber: FasterWhisperTranscriber) -> None:
    """Encode a moment of silence: CTranslate2 looks for CUDA's libraries only when it computes."""
    try:
        transcriber.encode([np.zeros(160, np.float32)])
    except RuntimeError as error:
        raise DeviceError(f"CTranslate2 cannot compute on {transcriber.device}: {error}",
                          CUBLAS_HINT) from error


class FasterWhisperTranscriber:
    """A loaded model: the socket ``Transcriber``, and the runtime that the shared steps drive."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.device = _device(model.model)
        self.compute_type = str(model.model.compute_type)
        known = model.hf_tokenizer.token_to_id
        self.languages: tuple[str, ...] = ("en",)
        if model.model.is_multilingual:
            self.languages = tuple(code for code in LANGUAGES if known(f"<|{code}|>") is not None)
        self.timestamp_begin: int = known("<|notimestamps|>") + 1
        self._tokenizer = functools.lru_cache(maxsize=8)(self._make_tokenizer)

    def transcribe(self, windows: Sequence[Samples], options: DecodingOptions) -> list[WindowResult]:
        """Turn each window into segments, with times from the window's own start."""
        return shared.transcribe(self, windows, options)

    def detect_language(self, windows: Sequence[Samples]) -> list[Mapping[str, float]]:
        """Per window, the probability of each language code."""
        if self.languages == ("en",):
            return [{"en": 1.0} for _ in windows]
        if not windows:
            return []
        found = self._model.model.detect_language(self.encode(windows))
        return [{token[2:-2]: float(probability) for token, probability in one} for one in found]

    def encode(self, windows: Sequence[Samples]) -> Any:
        """Encode the windows together."""
        extractor = self._model.feature_extractor
        with step("features"):
            features = [extractor(shared.padded(window), padding=0) for window in windows]
            stacked = np.stack(features).astype(np.float32, copy=False)
        with step("encoder"):
            return self._model.encode(stacked)

    def prompt(self, options: DecodingOptions) -> list[int]:
        """Tokens of the hotwords and the initial prompt."""
        return shared.prompt_tokens(self._tokens(options).encode, options)

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens; special ones are left out."""
        end = self._model.hf_tokenizer.token_to_id("<|endoftext|>")
        return str(self._model.hf_tokenizer.decode([token for token in tokens if token < end]))

    def decode(self, encoded: Any, options: DecodingOptions, prompt: list[int],
               effort: Effort) -> list[Decoded]:
        """Write the text of every encoded window."""
        from faster_whisper.transcribe import get_suppressed_tokens

        tokenizer = self._tokens(options)
        start = [*([tokenizer.sot_prev, *prompt] if prompt else []), *tokenizer.sot_sequence]
        banned = [*get_suppressed_tokens(tokenizer, [-1])]
        if options.word_timestamps:
            start.append(tokenizer.no_timestamps)
            # The library leaves it to the model to write no timestamps then.
            banned += range(self.timestamp_begin, self.timestamp_begin + TIMESTAMPS)
        results = self._model.model.generate(
            encoded, [start] * encoded.shape[0], beam_size=effort.beams, no_repeat_ngram_size=effort.no_repeat,
            max_length=MAX_LENGTH, suppress_tokens=banned, return_scores=True, return_no_speech_prob=True)
        return [self._decoded(result) for result in results]

    def _decoded(self, result: Any) -> Decoded:
        tokens = tuple(result.sequences_ids[0])
        # The score is the average without the end of the text, whose own probability is in the sum.
        average = result.scores[0] * len(tokens) / (len(tokens) + 1)
        return Decoded(tokens, self.text(tokens), float(average), float(result.no_speech_prob))

    def align(self, encoded: Any, options: DecodingOptions, decoded: Sequence[Decoded],
              frames: Sequence[int]) -> list[list[Timing]]:
        """Find the words of every window in its sound."""
        tokenizer = self._tokens(options)
        spoken = [[token for token in one.tokens if token < tokenizer.eot] for one in decoded]
        found = self._model.find_alignment(tokenizer, spoken, encoded, list(frames))
        return [[Timing(word["word"], float(word["start"]), float(word["end"]), float(word["probability"]))
                 for word in words] for words in found]

    def _tokens(self, options: DecodingOptions) -> Any:
        return self._tokenizer(options.task, shared.check(options, self.languages))

    def _make_tokenizer(self, task: str, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._model.hf_tokenizer, self._model.model.is_multilingual, task=task, language=language)
