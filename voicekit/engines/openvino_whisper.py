"""Whisper on OpenVINO: the fastest on a CPU, from the folders that faster-whisper's models come in."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


from voicekit import processor
from voicekit.engines import whisper_windows as shared
from voicekit.engines.faster_whisper import MAX_LENGTH, FasterWhisper
from voicekit.engines.whisper_openvino import keeping, search, timing
from voicekit.engines.whisper_openvino.halves import Halves
from voicekit.engines.whisper_openvino.on_onnxruntime import OnnxRuntimeHalves
from voicekit.engines.whisper_openvino.on_openvino import OpenVINOHalves
from voicekit.engines.whisper_openvino.running import Compiled, Decoding, Sound
from voicekit.engines.whisper_openvino.search import Written
from voicekit.engines.whisper_openvino.vocabulary import Vocabulary
from voicekit.engines.whisper_weights import Weights
from voicekit.engines.whisper_windows import Decoded, Effort
from voicekit.engines.whisper_words import Timing
from voicekit.errors import DeviceError, ModelError
from voicekit.languages import LANGUAGES
from voicekit.options import DecodingOptions, Quality
from voicekit.profiling import step
from voicekit.protocols import EngineProfile, EngineSpec, ModelOnDisk, Samples
from voicekit.types import WindowResult


def _arithmetic(compute_type: str) -> str:
    if compute_type != "int8":
        return ""
    if processor.multiplies_in_steps():
        return "7 bits, on onnxruntime"
    if processor.multiplies_in_tiles():
        return "8 bits and bfloat16, in tiles"
    return "8 bits and " + ("bfloat16" if processor.multiplies_in_bfloat16() else "float32")


class OpenVINOWhisper:
    """How the models are found, fetched and loaded: they are faster-whisper's."""

    profile = EngineProfile(
        name="openvino",
        package="openvino",
        extra="",
        licence="Apache-2.0 (OpenVINO); MIT (models)",
        languages=None,
        max_window=shared.MAX_WINDOW,
        batched=True,
        max_threads=4,
        compute_types={"cpu": ("int8", "bfloat16", "float32")},
        supports=shared.SUPPORTS,
        libraries=("openvino", "faster-whisper", "onnxruntime"),
        cpu_batch=8 if processor.multiplies_in_steps() or processor.multiplies_in_tiles() else 16,
        window_share=0.07,
        beam_share=0.03,
        any_batch=frozenset({"int8"}),
        copyable=True,
        arithmetic=_arithmetic,
    )

    def __init__(self) -> None:
        self._folders = FasterWhisper()

    def models(self) -> Sequence[str]:
        """Names that ``--model`` takes; a hub's owner/name or a folder is taken too."""
        return self._folders.models()

    def default_model(self, quality: Quality, device: str) -> str:
        """The preset's model on ``cpu``."""
        return shared.preset_model(quality, device)

    def find(self, model: str) -> ModelOnDisk | None:
        """The model if it is on disk: a name, a hub's owner/name, or a folder. No network."""
        return self._folders.find(model)

    def fetch(self, model: str) -> ModelOnDisk:
        """Download the model from the Hugging Face hub into its cache."""
        return self._folders.fetch(model)

    def cuda_devices(self) -> int:
        """None: on a GPU faster-whisper is the engine."""
        return 0

    def load(self, spec: EngineSpec) -> OpenVINOTranscriber:
        """Read the weights, build and compile the graphs, and prove where they run."""
        folder = Path(spec.model.path)
        try:
            small = spec.compute_type == "int8"
            weights = Weights(folder, small, keeping.kept(folder / "model.bin") if small else None)
            transcriber = OpenVINOTranscriber(folder, weights, spec)
        except Exception as error:  # OpenVINO's and the tokenizer's errors share no narrower type
            raise ModelError(f"The model {spec.model.name!r} at {folder} cannot be read: {error}",
                             "Take --engine faster-whisper, or delete its folder and fetch it again.") from error
        if transcriber.device != "cpu":
            raise DeviceError(f"The compiled model is on {transcriber.device}, not on {spec.device}.",
                              "Report this; meanwhile take --engine faster-whisper.")
        return transcriber


class OpenVINOTranscriber:
    """A loaded model: the socket ``Transcriber``, and the runtime that the shared steps drive."""

    def __init__(self, folder: Path, weights: Weights, spec: EngineSpec) -> None:
        import tokenizers
        from faster_whisper.feature_extractor import FeatureExtractor

        self._hf = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.timestamp_begin = self._token("<|notimestamps|>") + 1
        self._end = self._token("<|endoftext|>")
        self.multilingual = weights.vocabulary >= 51865  # as openai-whisper tells it
        self.languages: tuple[str, ...] = ("en",)
        if self.multilingual:
            self.languages = tuple(code for code in LANGUAGES if self._hf.token_to_id(f"<|{code}|>") is not None)
        self._heads = tuple((int(layer), int(head)) for layer, head in weights.config.get("alignment_heads", ()))
        self._extractor = FeatureExtractor(feature_size=weights.mels)
        self._tokenizer = functools.lru_cache(maxsize=8)(self._make_tokenizer)
        vocabulary, heads = self._vocabulary(weights), self._heads if spec.word_timestamps else ()
        halves: Halves
        if spec.compute_type == "int8" and processor.multiplies_in_steps():
            halves = OnnxRuntimeHalves(folder, weights, vocabulary, spec.threads, self._heads)
        else:
            halves = OpenVINOHalves(weights, vocabulary, spec.compute_type, spec.threads, heads)
        self._compiled = Compiled(weights, vocabulary, halves)
        self.device = halves.device.lower()
        self.compute_type = spec.compute_type

    def _vocabulary(self, weights: Weights) -> Vocabulary:
        from faster_whisper.transcribe import get_suppressed_tokens

        tokenizer = self._tokenizer("transcribe", "en")
        blank = self._hf.encode(" ", add_special_tokens=False).ids
        return Vocabulary(
            end=self._end, no_speech=self._token("<|nospeech|>", "<|nocaptions|>"), timestamps=self.timestamp_begin,
            languages=tuple(self._token(f"<|{code}|>") for code in self.languages) if self.multilingual else (),
            banned=(*get_suppressed_tokens(tokenizer, [-1]), self.timestamp_begin - 1),
            banned_first=tuple(weights.config.get("suppress_ids_begin") or (*blank, self._end)))

    def _token(self, *names: str) -> int:
        """The number of a token, under the first of its names that there is."""
        for name in names:
            if (number := self._hf.token_to_id(name)) is not None:
                return int(number)
        raise ValueError(f"its tokenizer has no {names[0]}")

    def transcribe(self, windows: Sequence[Samples], options: DecodingOptions) -> list[WindowResult]:
        """Turn each window into segments, with times from the window's own start."""
        return shared.transcribe(self, windows, options)

    def detect_language(self, windows: Sequence[Samples]) -> list[Mapping[str, float]]:
        """Per window, the probability of each language code."""
        if self.languages == ("en",):
            return [{"en": 1.0} for _ in windows]
        if not windows:
            return []
        decoding = Decoding(self._compiled, self._compiled.halves.any_decoder, self.encode(windows), 1, 1)
        decoding.begin([self._token("<|startoftranscript|>")], search.free(len(windows)))
        decoding.end()
        assert decoding.languages is not None
        return [dict(zip(self.languages, map(float, one), strict=True)) for one in decoding.languages]

    def settle(self) -> None:
        """Run the decoder once: then it brings its weights into the form that it reads. The encoder has done so."""
        decoding = Decoding(self._compiled, self._compiled.halves.any_decoder, self._compiled.silence(), 1, 1)
        decoding.begin([self._token("<|startoftranscript|>")], search.free(1))
        decoding.end()

    def encode(self, windows: Sequence[Samples]) -> Sound:
        """Encode the windows together; what was encoded before is lost."""
        sound = self._compiled.room(len(windows))
        for place, window in enumerate(windows):
            with step("features"):
                mel = self._extractor(shared.padded(window), padding=0)
            with step("encoder"):
                self._compiled.encode(mel, sound, place)
        return sound

    def prompt(self, options: DecodingOptions) -> list[int]:
        """Tokens of the hotwords and the initial prompt."""
        return shared.prompt_tokens(self._tokens(options).encode, options)

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens; special ones are left out."""
        return str(self._hf.decode([token for token in tokens if token < self._end]))

    def decode(self, encoded: Sound, options: DecodingOptions, prompt: list[int],
               effort: Effort) -> list[Decoded]:
        """Write the text of every encoded window."""
        tokenizer = self._tokens(options)
        opening = [*([tokenizer.sot_prev, *prompt] if prompt else []), tokenizer.sot]
        start = [*opening, *tokenizer.sot_sequence[1:]]
        if options.word_timestamps:
            start.append(tokenizer.no_timestamps)
        heads = self._heads if options.word_timestamps else ()
        decoder = self._compiled.halves.decoder(effort.beams + (effort.beams > 1) + 2 * (effort.no_repeat > 0), heads)
        decoding = Decoding(self._compiled, decoder, encoded, effort.beams, len(opening))
        found = search.write(decoding, search.Task(
            windows=encoded.windows, start=tuple(start), beams=effort.beams, no_repeat=effort.no_repeat,
            limit=MAX_LENGTH - len(start), end=self._end, timestamps=self.timestamp_begin,
            vocabulary=self._compiled.weights.vocabulary, timed=not options.word_timestamps))
        decoding.end()
        return [Decoded(one.tokens, self.text(one.tokens), one.score / (len(one.tokens) + 1), float(silence),
                        (one, len(opening) - 1) if heads else None)
                for one, silence in zip(found, decoding.silence, strict=True)]

    def align(self, encoded: Sound, options: DecodingOptions, decoded: Sequence[Decoded],
              frames: Sequence[int]) -> list[list[Timing]]:
        """Find the words of every window in its sound: where the decoder looked while it wrote them."""
        tokenizer = self._tokens(options)
        return [self._words(tokenizer, one, count // 2) if one.tokens else []
                for one, count in zip(decoded, frames, strict=True)]

    def _words(self, tokenizer: Any, decoded: Decoded, frames: int) -> list[Timing]:
        written, skipped = decoded.attention
        assert isinstance(written, Written)
        before = len(written.attention) - skipped - len(written.tokens) - 1
        times = timing.token_times(written.attention[skipped:], frames, before)
        texts, tokens = tokenizer.split_to_word_tokens([*written.tokens, tokenizer.eot])
        parts = [(text, len(some)) for text, some in zip(texts[:-1], tokens[:-1], strict=True)]
        return timing.words(written, times, parts)

    def _tokens(self, options: DecodingOptions) -> Any:
        return self._tokenizer(options.task, shared.check(options, self.languages))

    def _make_tokenizer(self, task: str, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._hf, self.multilingual, task=task, language=language)
