"""GigaAM (Russian) and Parakeet (25 languages of Europe) on onnxruntime, through onnx-asr.

No torch: onnx-asr computes the features with numpy and onnxruntime the rest. Decoding is greedy, and
takes neither a prompt nor hotwords. Which files a model consists of, and where they lie, is in
:mod:`voicekit.engines.onnx_models`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voicekit import device_audit
from voicekit.engines.onnx_models import (ENGLISH, EUROPEAN, QUANTIZATION, RUSSIAN, Model, download,
                                          find_in_cache, gigaam, in_folder, on_disk, parakeet)
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.options import DecodingOptions, Quality
from voicekit.protocols import EngineProfile, EngineSpec, ModelOnDisk, Samples, Transcriber
from voicekit.types import SAMPLE_RATE, Segment, WindowResult, Word

_SHORTEST = SAMPLE_RATE // 10  # the features of less than two frames are undefined
_LETTER = 0.08  # seconds; of running speech, to guess where a word ends that a pause follows
_SPECIAL = re.compile(r"<[^<>]*>")  # <unk>, <|nospeech|>
_CLOSING = frozenset(",.!?;:…)»")  # no space before these, whatever the tokens say


class _OnnxAsr:
    """What both adapters share."""

    profile: EngineProfile
    _models: tuple[Model, ...]

    def models(self) -> Sequence[str]:
        """Names as onnx-asr knows them."""
        return tuple(model.name for model in self._models)

    def find(self, model: str) -> ModelOnDisk | None:
        """The model if it is in the hub's cache, or in the folder named.

        The hub's cache is ``$VOICEKIT_MODELS/hub`` where that is set, else Hugging Face's own. Of
        several models in a folder the first in the order of :meth:`models` is taken.
        """
        if known := self._known(model):
            return find_in_cache(known)
        folder = Path(model).expanduser()
        return on_disk(model, in_folder(self.profile.name, self._models, folder), folder.resolve())

    def fetch(self, model: str) -> ModelOnDisk:
        """Download the model; one in a folder need not be."""
        if known := self._known(model):
            download(self.profile.name, known)
        found = self.find(model)
        if found is None:
            raise ModelError(f"The hub does not have all files of the model {model}.",
                             f"Choose another of: {', '.join(self.models())}; or give --model FOLDER.")
        return found

    def cuda_devices(self) -> int:
        """0 unless onnxruntime is its GPU build."""
        import onnxruntime

        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            return 0
        import ctranslate2  # in the core; onnxruntime itself cannot count

        return int(ctranslate2.get_cuda_device_count())

    def load(self, spec: EngineSpec) -> Transcriber:
        """Build the sessions, prove their device, and run them once."""
        name, folder = self.profile.name, Path(spec.model.path)
        _require_device(spec, self.profile)
        model = self._known(spec.model.name) or in_folder(name, self._models, folder)
        if missing := model.missing(folder, QUANTIZATION[spec.compute_type]):
            other = next(each for each in QUANTIZATION if each != spec.compute_type)
            raise ModelError(f"The model {spec.model.name} has no {spec.compute_type} files: it lacks "
                             f"{', '.join(missing)}.", f"Use --compute-type {other}.")
        try:
            recognizer = _build(model.name, folder, spec)
            device_audit.audit(recognizer.asr, spec.device)
            for session in device_audit.sessions(recognizer.asr).values():
                session.disable_fallback()  # else an error on the GPU moves it to the CPU in the middle of a run
            # Files that do not fit together fail here, and not in the middle of a recording.
            recognizer.recognize(np.zeros(SAMPLE_RATE // 2, np.float32))
        except DeviceError:
            raise
        except Exception as error:  # what onnx-asr and onnxruntime raise has no nearer common root
            anew = f"delete {folder.parents[1]} and run: voicekit models fetch {model.name} --engine {name}"
            raise ModelError(f"The model {spec.model.name} cannot be loaded: {error}",
                             "If its files are damaged, "
                             + (anew if self._known(spec.model.name) else "copy them anew.")) from error
        return _Recognizer(recognizer, spec.device, name, model.languages)

    def _known(self, name: str) -> Model | None:
        return next((model for model in self._models if model.name == name), None)


class GigaAM(_OnnxAsr):
    """Adapter of GigaAM v2 and v3, the most accurate open models of Russian.

    The e2e models write capitals, punctuation and digits; the others lower-case words.
    """

    profile = EngineProfile(
        name="gigaam",
        package="onnx_asr",
        extra="onnx",
        licence="MIT (engine and models)",
        languages=RUSSIAN,
        max_window=25.0,  # it was trained on no longer ones
        # Windows go one by one. Decoded together they would be padded, and the padding is heard:
        # onnx-asr pads with the features of silence (v2 even mirrors the last samples into it),
        # and the encoder's convolutions reach across the end of the shorter window.
        batched=False,
        max_threads=4,  # a transducer's steps are serial, about a tenth of the work
        # int8 was often the slower one on CPUs; on CUDA onnxruntime would leave its layers to the CPU.
        compute_types={"cpu": ("float32", "int8"), "cuda": ("float32",)},
        supports=frozenset(),
        libraries=("onnx-asr", "onnxruntime", "onnxruntime-gpu"),
    )
    _models = (
        gigaam("gigaam-v3-e2e-rnnt", "v3", "v3_e2e_rnnt", "v3_e2e_rnnt_vocab.txt"),
        gigaam("gigaam-v3-e2e-ctc", "v3", "v3_e2e_ctc", "v3_e2e_ctc_vocab.txt"),
        gigaam("gigaam-v3-rnnt", "v3", "v3_rnnt", "v3_vocab.txt"),
        gigaam("gigaam-v3-ctc", "v3", "v3_ctc", "v3_vocab.txt"),
        gigaam("gigaam-v2-rnnt", "v2", "v2_rnnt", "v2_vocab.txt"),
        gigaam("gigaam-v2-ctc", "v2", "v2_ctc", "v2_vocab.txt"),
    )

    def default_model(self, quality: Quality, device: str) -> str:
        """CTC is the faster; the end-to-end transducer punctuates."""
        return "gigaam-v3-ctc" if quality == "fast" else "gigaam-v3-e2e-rnnt"


class Parakeet(_OnnxAsr):
    """Adapter of Parakeet 0.6B; v3 knows 25 languages and tells them apart by itself."""

    profile = EngineProfile(
        name="parakeet",
        package="onnx_asr",
        extra="onnx",
        licence="MIT (engine), CC-BY-4.0 (models)",
        languages=EUROPEAN,
        # It can hear minutes at once, but its attention then costs the square of the time.
        max_window=30.0,
        batched=False,  # as with GigaAM: past the first convolution, padding is no longer zero
        max_threads=4,
        compute_types={"cpu": ("float32", "int8"), "cuda": ("float32",)},
        supports=frozenset(),
        libraries=("onnx-asr", "onnxruntime", "onnxruntime-gpu"),
    )
    _models = (
        parakeet("parakeet-tdt-0.6b-v3", "tdt", EUROPEAN),
        parakeet("parakeet-tdt-0.6b-v2", "tdt", ENGLISH),
        parakeet("parakeet-rnnt-0.6b", "rnnt", ENGLISH),
        parakeet("parakeet-ctc-0.6b", "ctc", ENGLISH),
    )

    def default_model(self, quality: Quality, device: str) -> str:
        """The multilingual one."""
        return "nemo-parakeet-tdt-0.6b-v3"


class _Recognizer:
    """A loaded model."""

    def __init__(self, recognizer: Any, device: str, engine: str, languages: frozenset[str]) -> None:
        self.device = device
        self._recognizer = recognizer
        self._engine = engine
        self._languages = languages

    def transcribe(self, windows: Sequence[Samples], options: DecodingOptions) -> list[WindowResult]:
        """See :meth:`voicekit.protocols.Transcriber.transcribe`."""
        if options.task == "translate":
            raise UsageError(f"{self._engine} cannot translate.", "Use --engine faster-whisper.")
        if options.language not in self._languages | {None, "und"}:  # "und": nobody said, none is told
            raise UsageError(f"This model of {self._engine} does not know the language {options.language!r}.",
                             f"It knows {', '.join(sorted(self._languages))}; for others there is "
                             "--engine faster-whisper.")
        return [self._window(window, options.word_timestamps) for window in windows]

    def detect_language(self, windows: Sequence[Samples]) -> list[Mapping[str, float]]:
        """Certain where the model has one language; it does not say which of several it heard."""
        if len(self._languages) > 1:
            raise UsageError(f"{self._engine} writes many languages, but does not say which it heard.",
                             "Name it, for example --language en.")
        return [dict.fromkeys(self._languages, 1.0) for _ in windows]

    def _window(self, window: Samples, word_timestamps: bool) -> WindowResult:
        if not len(window):
            return WindowResult("empty", reason="no words")
        result = self._recognizer.recognize(_padded(window))
        words = _words(result.tokens, result.timestamps, result.logprobs, len(window) / SAMPLE_RATE)
        text = "".join(word.word for word in words).strip()
        if not any(map(str.isalnum, text)):
            return WindowResult("empty", reason="no words")
        segment = Segment(words[0].start, words[-1].end, text, words if word_timestamps else ())
        return WindowResult("transcribed", (segment,))


def _padded(window: Samples) -> Samples:
    return np.pad(window, (0, max(0, _SHORTEST - len(window)))).astype(np.float32, copy=False)


@dataclass(slots=True)
class _Draft:
    """A word while its tokens arrive."""

    text: str
    start: float
    end: float
    logprobs: list[float]


def _words(tokens: Sequence[str], starts: Sequence[float], logprobs: Sequence[float] | None,
           duration: float) -> tuple[Word, ...]:
    """Join tokens to words.

    A model says when a token begins, not when it ends: it ends where the next begins, or after the
    time that its letters usually take. A word's probability is the geometric mean of its tokens'.
    """
    drafts: list[_Draft] = []
    apart = True
    for place, token in enumerate(tokens):
        text = token.replace("\u2581", " ")
        apart = apart or text.startswith(" ")
        text = text.strip()
        if not text or _SPECIAL.fullmatch(text):
            continue
        start = min(round(starts[place], 3), duration)
        following = starts[place + 1] if place + 1 < len(starts) else duration
        letters = sum(map(str.isalnum, text))
        end = max(start, min(round(following, 3), round(start + _LETTER * max(1, letters), 3), duration))
        closing = _CLOSING.issuperset(text)
        if closing and not drafts:
            continue  # it closes nothing
        if not drafts or (apart and not closing):
            drafts.append(_Draft(f" {text}", start, end, []))
        else:
            drafts[-1].text += text
            if letters:  # a comma may come only when the next word begins
                drafts[-1].end = end
        drafts[-1].logprobs.append(0.0 if logprobs is None else float(logprobs[place]))
        apart = False
    return tuple(Word(draft.start, draft.end, draft.text,
                      min(1.0, math.exp(sum(draft.logprobs) / len(draft.logprobs)))) for draft in drafts)


def _runtime() -> Any:
    import onnxruntime

    return onnxruntime


def _require_device(spec: EngineSpec, profile: EngineProfile) -> None:
    kind = spec.device.partition(":")[0]
    if kind not in profile.compute_types:
        raise DeviceError(f"The engine {profile.name} cannot run on {spec.device}.", "Use --device cpu.")
    if spec.compute_type not in profile.compute_types[kind]:
        raise UsageError(f"The engine {profile.name} has no {spec.compute_type} on {spec.device}.",
                         f"Use --compute-type {' or '.join(profile.compute_types[kind])}.")
    # Without its CUDA provider onnxruntime warns, and runs on the CPU.
    if kind == "cuda" and "CUDAExecutionProvider" not in _runtime().get_available_providers():
        raise DeviceError(f"The installed onnxruntime cannot run on {spec.device}: it has no CUDA provider.",
                          "Use --device cpu, or replace it: pip uninstall onnxruntime, "
                          "then pip install onnxruntime-gpu.")


def _build(name: str, folder: Path, spec: EngineSpec) -> Any:
    import onnx_asr

    single = _session_options(1)
    providers: list[Any] = ["CPUExecutionProvider"]
    kind, _, index = spec.device.partition(":")
    if kind == "cuda":
        # By default cuDNN times its algorithms for each new length, and takes what was fastest then.
        cuda = {"device_id": int(index or 0), "cudnn_conv_algo_search": "HEURISTIC"}
        providers.insert(0, ("CUDAExecutionProvider", cuda))
    text_only = onnx_asr.load_model(
        name, folder, quantization=QUANTIZATION[spec.compute_type] or None,
        sess_options=_session_options(spec.threads), providers=providers,
        preprocessor_config={"use_numpy_preprocessors": True},  # the same features on every device
        resampler_config={"sess_options": single, "providers": ["CPUExecutionProvider"]},  # never used
    )
    return text_only.with_timestamps()


def _session_options(threads: int) -> Any:
    options = _runtime().SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    options.use_deterministic_compute = True
    # Threads that wait by spinning take the cores of the other sessions and workers: with 2 threads the
    # many small steps of a transducer took 3 times as long, the encoder a tenth longer.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
