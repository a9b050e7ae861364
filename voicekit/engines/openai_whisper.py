"""Whisper as OpenAI published it, on PyTorch."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voicekit import device_audit
from voicekit.engines import revisions
from voicekit.engines import whisper_windows as shared
from voicekit.engines.whisper_windows import Decoded, Effort
from voicekit.engines.whisper_words import TIMESTAMPS, Timing
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.options import DecodingOptions, Quality
from voicekit.profiling import step
from voicekit.protocols import EngineProfile, EngineSpec, ModelOnDisk, Samples
from voicekit.types import WindowResult

# Names and the file each is kept in; a test compares them with whisper's own table. They stand
# here because that one cannot be read without importing torch.
FILES = {name: f"{name}.pt" for name in (
    "tiny", "base", "small", "medium", "large-v3-turbo", "large-v3", "large-v2", "large-v1",
    "tiny.en", "base.en", "small.en", "medium.en")} | {"large": "large-v3.pt", "turbo": "large-v3-turbo.pt"}


class OpenAIWhisper:
    """How openai-whisper's models are found, fetched and loaded."""

    profile = EngineProfile(
        name="openai-whisper",
        package="whisper",
        extra="openai",
        licence="MIT (engine and models)",
        languages=None,
        max_window=shared.MAX_WINDOW,
        batched=True,
        max_threads=4,
        compute_types={"cpu": ("float32",), "cuda": ("float16", "float32")},
        supports=shared.SUPPORTS,
        libraries=("openai-whisper", "torch"),
    )

    def models(self) -> Sequence[str]:
        """Names that ``--model`` takes; a .pt file or the folder of one is taken too."""
        return tuple(FILES)

    def default_model(self, quality: Quality, device: str) -> str:
        """The preset's model on ``cpu`` or ``cuda``."""
        return shared.preset_model(quality, device)

    def find(self, model: str) -> ModelOnDisk | None:
        """The model if it is on disk: a name, a .pt file, or the folder of one. No network."""
        if model in FILES:
            path = _cache() / FILES[model]
            return _on_disk(model, path) if path.is_file() else None
        path = Path(model).expanduser()
        if path.is_dir():
            found = sorted(path.glob("*.pt"))
            if len(found) != 1:
                raise ModelError(f"The model folder {model!r} holds {len(found)} .pt files, not one.",
                                 "Name the file itself with --model.")
            path = found[0]
        if not path.is_file():
            raise shared.unknown_model(model, self.models(), "the path of a .pt file")
        return _on_disk(model, path)

    def fetch(self, model: str) -> ModelOnDisk:
        """Download the model from OpenAI into whisper's cache."""
        if model not in FILES:
            raise shared.unknown_model(model, self.models(), "the path of a .pt file that is here")
        import whisper

        root = _cache()
        try:
            root.mkdir(parents=True, exist_ok=True)
            # whisper writes straight to the final name; a folder of our own keeps what an interrupted
            # download leaves behind away from where models are found.
            with tempfile.TemporaryDirectory(prefix="fetch-", dir=root) as folder:
                fetched = whisper._download(whisper._MODELS[model], folder, False)
                os.replace(fetched, root / FILES[model])
        except (OSError, RuntimeError) as error:
            raise shared.unreachable(model, self.profile.name, error) from error
        return _on_disk(model, root / FILES[model])

    def cuda_devices(self) -> int:
        """How many GPUs torch can use."""
        import torch

        return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0

    def load(self, spec: EngineSpec) -> OpenAIWhisperTranscriber:
        """Load the model and prove where every one of its tensors is."""
        import torch
        import whisper

        index = shared.cuda_index(spec.device)
        possible = self.profile.compute_types[spec.device.partition(":")[0]]
        if spec.compute_type not in possible:
            raise UsageError(f"openai-whisper cannot compute in {spec.compute_type} on {spec.device}.",
                             f"Choose --compute-type from: {', '.join(possible)}.")
        if spec.device != "cpu" and index >= torch.cuda.device_count():
            raise DeviceError(f"torch {torch.__version__} sees no GPU {spec.device}.",
                              "Install a CUDA build of torch and check the driver with nvidia-smi, "
                              "or take --device cpu.")
        torch.set_num_threads(spec.threads)
        torch.backends.cudnn.deterministic = True
        try:
            model = whisper.load_model(spec.model.path, device=spec.device)
        except torch.OutOfMemoryError as error:
            raise DeviceError(f"The model {spec.model.name!r} does not fit on {spec.device}.",
                              "Take a smaller --model, or --device cpu.") from error
        except Exception as error:  # torch.load's errors for damaged files share no narrower type
            raise ModelError(f"The model {spec.model.name!r} at {spec.model.path} cannot be read: {error}",
                             "Delete the file and fetch it again.") from error
        _set_alignment_heads(model, spec.model.revision)
        if spec.compute_type == "float16":
            _halve(model)
        return OpenAIWhisperTranscriber(model, device_audit.audit(model, spec.device), spec.compute_type)


def _cache() -> Path:
    """Where whisper itself keeps its models, or under ``$VOICEKIT_MODELS``."""
    own = shared.models_folder("whisper")
    if own:
        return Path(own)
    return Path(os.getenv("XDG_CACHE_HOME") or Path.home() / ".cache") / "whisper"


def _on_disk(model: str, path: Path) -> ModelOnDisk:
    return ModelOnDisk(model, str(path.resolve()), revisions.of_files([path], named=False), path.stat().st_size)


def _set_alignment_heads(model: Any, revision: str) -> None:
    """Use the attention heads that tell a published model's word times.

    whisper knows them by the model's name only; by the content (its addresses hold the sha256) they
    are also found for a published file that is given as a path.
    """
    import whisper

    for name, address in whisper._MODELS.items():
        if revision in address:
            model.set_alignment_heads(whisper._ALIGNMENT_HEADS[name])
            return


def _halve(model: Any) -> None:
    """Keep the weights in half precision. whisper casts them at every call otherwise: the same
    numbers, slower, and in twice the memory. Its layer norms need to stay as they are."""
    import torch

    for module in model.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv1d)):
            module.half()


class OpenAIWhisperTranscriber:
    """A loaded model: the socket ``Transcriber``, and the runtime that the shared steps drive."""

    def __init__(self, model: Any, device: str, compute_type: str) -> None:
        from whisper.tokenizer import get_tokenizer

        self._model = model
        self._half = compute_type == "float16"
        self.device = device
        self.compute_type = compute_type
        self._plain = get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
        self.timestamp_begin: int = self._plain.timestamp_begin
        self.languages: tuple[str, ...] = ("en",)
        if model.is_multilingual:
            self.languages = tuple(self._plain.all_language_codes)

    def transcribe(self, windows: Sequence[Samples], options: DecodingOptions) -> list[WindowResult]:
        """Turn each window into segments, with times from the window's own start."""
        return shared.transcribe(self, windows, options)

    def detect_language(self, windows: Sequence[Samples]) -> list[Mapping[str, float]]:
        """Per window, the probability of each language code."""
        if self.languages == ("en",):
            return [{"en": 1.0} for _ in windows]
        if not windows:
            return []
        _, found = self._model.detect_language(self.encode(windows), self._plain)
        return [dict(one) for one in found]

    def encode(self, windows: Sequence[Samples]) -> Any:
        """Encode the windows together."""
        import torch
        from whisper import log_mel_spectrogram

        with torch.no_grad():
            with step("features"):
                features = torch.stack([
                    log_mel_spectrogram(shared.padded(window), self._model.dims.n_mels, device=self.device)
                    for window in windows])
            with step("encoder"):
                return self._model.encoder(features.half() if self._half else features)

    def prompt(self, options: DecodingOptions) -> list[int]:
        """Tokens of the hotwords and the initial prompt, for which this engine has one place."""
        return shared.prompt_tokens(self._plain.encode, options)

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens; special ones are left out."""
        return str(self._plain.decode([token for token in tokens if token < self._plain.eot]))

    def decode(self, encoded: Any, options: DecodingOptions, prompt: list[int],
               effort: Effort) -> list[Decoded]:
        """Write the text of every encoded window."""
        from whisper.decoding import DecodingOptions as TheirOptions
        from whisper.decoding import DecodingTask

        # Asked for no timestamps, the library leaves it to the model to write none.
        stamps = [self.timestamp_begin + i for i in range(TIMESTAMPS)] if options.word_timestamps else []
        task = DecodingTask(self._model, TheirOptions(
            task=options.task, language=shared.check(options, self.languages), temperature=0.0,
            beam_size=effort.beams if effort.beams > 1 else None, prompt=prompt or None,
            suppress_tokens=[-1, *stamps], without_timestamps=options.word_timestamps, fp16=self._half))
        if effort.no_repeat:
            task.logit_filters.append(_NoRepeat(task.sample_begin, effort.no_repeat))
        # The library's beam search takes one window at a time: it does not repeat the sound per beam.
        batches = [encoded] if effort.beams == 1 else encoded.split(1)
        return [Decoded(tuple(one.tokens), self.text(one.tokens), float(one.avg_logprob), float(one.no_speech_prob))
                for batch in batches for one in task.run(batch)]

    def align(self, encoded: Any, options: DecodingOptions, decoded: Sequence[Decoded],
              frames: Sequence[int]) -> list[list[Timing]]:
        """Find the words of every window in its sound."""
        from whisper.timing import find_alignment
        from whisper.tokenizer import get_tokenizer

        tokenizer = get_tokenizer(self._model.is_multilingual, num_languages=self._model.num_languages,
                                  language=shared.check(options, self.languages), task=options.task)
        model = _WithoutEncoder(self._model)
        spoken = [[token for token in one.tokens if token < tokenizer.eot] for one in decoded]
        return [[Timing(word.word, float(word.start), float(word.end), float(word.probability))
                 for word in find_alignment(model, tokenizer, one, sound, length)]
                for one, sound, length in zip(spoken, encoded, frames, strict=True)]


class _WithoutEncoder:
    """A model as whisper's alignment sees it, given sound that is encoded already: the encoder is
    most of the work, and the alignment would run it a second time."""

    def __init__(self, model: Any) -> None:
        self.device, self.dims = model.device, model.dims
        self.decoder, self.alignment_heads = model.decoder, model.alignment_heads

    def __call__(self, encoded: Any, tokens: Any) -> Any:
        return self.decoder(tokens, encoded)


class _NoRepeat:
    """A filter for whisper's decoder: no run of ``length`` tokens comes twice."""

    def __init__(self, begin: int, length: int) -> None:
        self._begin = begin
        self._length = length

    def apply(self, logits: Any, tokens: Any) -> None:
        """Forbid, row by row, every token that followed what the row ends with."""
        for row, written in enumerate(tokens[:, self._begin:].tolist()):
            last = written[len(written) - self._length + 1:]
            banned = [written[i + self._length - 1] for i in range(len(written) - self._length + 1)
                      if written[i:i + self._length - 1] == last]
            logits[row, banned] = -float("inf")
