"""What the two Whisper engines share: languages, prompts, and how a batch of windows is decoded.

Every window is treated on its own: nothing is carried from one to the next, and nothing is
sampled. So the same sound gives the same words, whatever stands beside it in a batch.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from voicekit.engines import whisper_words
from voicekit.engines.whisper_words import Timing
from voicekit.errors import DeviceError, ModelError, ProcessingError, UsageError
from voicekit.options import PRESETS, DecodingOptions, Quality
from voicekit.profiling import step
from voicekit.protocols import Samples
from voicekit.types import SAMPLE_RATE, Segment, WindowResult

MAX_WINDOW = 30.0
"""Seconds that Whisper sees at once; shorter windows are filled up with silence."""

MAX_PROMPT = 223
"""Tokens of prompt: half of Whisper's text context, less the token that opens it."""

SUPPORTS = frozenset({"translate", "beam_size", "initial_prompt", "hotwords", "detection"})

# Whisper's own limits beyond which it does not trust its text.
MAX_COMPRESSION = 2.4
MIN_LOG_PROBABILITY = -1.0
MAX_NO_SPEECH = 0.6

RETRY_BEAMS = 5
NO_REPEAT = 5
"""In the last retry no run of this many tokens may come twice, which ends any loop. Fewer would
forbid a Russian word of four tokens to be said twice."""

_log = logging.getLogger("voicekit")


def preset_model(quality: Quality, device: str) -> str:
    """The preset's model on ``cpu`` or ``cuda``."""
    preset = PRESETS[quality]
    return preset.model_gpu if device.startswith("cuda") else preset.model_cpu


def models_folder(part: str) -> str | None:
    """The folder under ``$VOICEKIT_MODELS`` for one kind of model; None where that is not set."""
    root = os.environ.get("VOICEKIT_MODELS")
    return os.path.join(os.path.expanduser(root), part) if root else None


def unknown_model(model: str, names: Sequence[str], also: str) -> ModelError:
    """The error for a name that is in no list and is no path."""
    if model.startswith((".", "~")) or os.path.isabs(model) or os.sep in model:
        return ModelError(f"There is no model at {model!r}.", "Check the path after --model.")
    return ModelError(f"Unknown model {model!r}.", f"Choose one of: {', '.join(names)}; or {also}.")


def unreachable(model: str, engine: str, error: Exception) -> ModelError:
    """The error for a model that is not on disk while its hub does not answer."""
    cause = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ModelError(
        f"The model {model!r} is not on disk and its hub could not be reached ({cause}).",
        f'On a connected machine run "voicekit models fetch {model} --engine {engine}", copy what '
        f'"voicekit models path {model}" names, and give it here with --model FOLDER.')


def cuda_index(device: str) -> int:
    """The number of a device such as ``cuda:1``; 0 where it has none."""
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise DeviceError(f"Unknown device {device!r}.", "Choose cpu, cuda or cuda:0.")
    return int(number or 0)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try: hypotheses kept, and the length of a run that may not come twice (0: any may)."""

    beams: int
    no_repeat: int = 0


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a model wrote for one window, and how far it trusts it.

    Attributes
    ----------
    tokens : tuple of int
        Without the prompt and the end of the text; timestamps where they were asked for.
    text : str
        Without the timestamps.
    log_probability : float
        Average over the tokens.
    no_speech : float
        Probability that there is no speech.
    attention : object
        Where the model looked meanwhile, as its runtime keeps that; None where the runtime looks again for it.
    again : bool
        Whether it was chosen after a text that was doubtful.
    """

    tokens: tuple[int, ...]
    text: str
    log_probability: float
    no_speech: float
    attention: Any = None
    again: bool = False

    @property
    def compression(self) -> float:
        """How far the text can be compressed: a loop far more than language."""
        raw = self.text.strip().encode()
        return len(raw) / len(zlib.compress(raw))

    @property
    def silent(self) -> bool:
        """Whether the model heard no speech, and does not believe its own text either."""
        return self.no_speech > MAX_NO_SPEECH and self.log_probability < MIN_LOG_PROBABILITY

    @property
    def doubtful(self) -> bool:
        """Whether it is worth another try."""
        return not self.silent and (self.compression > MAX_COMPRESSION
                                    or self.log_probability < MIN_LOG_PROBABILITY)


class Runtime(Protocol):
    """A loaded Whisper: all that :func:`transcribe` needs of one. ``Any`` is the runtime's own array."""

    timestamp_begin: int
    languages: tuple[str, ...]

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens; special ones are left out."""
        ...

    def encode(self, windows: Sequence[Samples]) -> Any:
        """Encode the windows together."""
        ...

    def prompt(self, options: DecodingOptions) -> list[int]:
        """The tokens of :func:`prompt_tokens`."""
        ...

    def decode(self, encoded: Any, options: DecodingOptions, prompt: list[int],
               effort: Effort) -> list[Decoded]:
        """Write the text of every encoded window, with timestamps unless word times are wanted."""
        ...

    def align(self, encoded: Any, options: DecodingOptions, decoded: Sequence[Decoded],
              frames: Sequence[int]) -> list[list[Timing]]:
        """Find the words of every window in its sound, which fills that many frames of 10 ms."""
        ...


def check(options: DecodingOptions, languages: Sequence[str]) -> str:
    """The language to decode in, if a model with these languages can do what is asked.

    Raises
    ------
    UsageError
        If it cannot.
    """
    english_only = tuple(languages) == ("en",)
    language = options.language or ("en" if english_only else None)
    if english_only and (language != "en" or options.task == "translate"):
        raise UsageError("This model knows English only.",
                         "Take the model of the same name without .en, or --language en --task transcribe.")
    if language is None or language not in languages:
        problem = "No language was given." if language is None else f"This model does not know {language!r}."
        raise UsageError(problem, f"Choose one of: {', '.join(sorted(languages))}.")
    return language


def prompt_tokens(encode: Callable[[str], list[int]], options: DecodingOptions) -> list[int]:
    """Tokens that stand before every window: the words to expect, then the text taken to come before.

    What does not fit into Whisper's context is left out, with a warning: the end of the hotwords,
    the beginning of the prompt.
    """
    hot, before = (encode(" " + text.strip()) if text and text.strip() else []
                   for text in (options.hotwords, options.initial_prompt))
    lost = len(hot) + len(before) - MAX_PROMPT
    if lost > 0:
        # At every batch; the run shows it once for each recording.
        _log.warning(f"The prompt and the hotwords are {lost} tokens over Whisper's limit of {MAX_PROMPT}; "
                     "the end of the hotwords or the beginning of the prompt is not used.")
    hot = hot[:MAX_PROMPT]
    room = MAX_PROMPT - len(hot)
    return hot + (before[-room:] if room else [])


def padded(window: Samples) -> Samples:
    """The window with silence to 30 s, which is how Whisper was trained."""
    missing = int(MAX_WINDOW * SAMPLE_RATE) - len(window)
    if missing < 0:
        raise ProcessingError(
            f"A window of {len(window) / SAMPLE_RATE:.2f} s is longer than Whisper's {MAX_WINDOW:g} s.",
            "Cut it in silence first.")
    return np.pad(window.astype(np.float32, copy=False), (0, missing))


def transcribe(runtime: Runtime, windows: Sequence[Samples], options: DecodingOptions) -> list[WindowResult]:
    """Turn each window into segments: what both engines' ``transcribe`` does."""
    check(options, runtime.languages)
    if not windows:
        return []
    prompt = runtime.prompt(options)
    encoded = runtime.encode(windows)
    with step("decoder"):
        firsts = runtime.decode(encoded, options, prompt, Effort(options.beam_size))
    decoded = [_retried(runtime, window, options, prompt, first)
               for window, first in zip(windows, firsts, strict=True)]
    lengths = [len(window) / SAMPLE_RATE for window in windows]
    if options.word_timestamps:
        spoken = [dataclasses.replace(one, tokens=()) if one.silent or not one.text.strip() else one
                  for one in decoded]
        with step("word times"):
            timings = runtime.align(encoded, options, spoken, [_frames(length) for length in lengths])
        found = [whisper_words.aligned(*pair) for pair in zip(timings, lengths, strict=True)]
    else:
        found = [whisper_words.split(one.tokens, runtime, length)
                 for one, length in zip(decoded, lengths, strict=True)]
    return [_result(*pair) for pair in zip(decoded, found, strict=True)]


def _frames(length: float) -> int:
    """Frames of 10 ms that the alignment looks at; it needs a few positions even for a click."""
    return min(max(round(length * 100), 16), int(MAX_WINDOW * 100))


def _result(decoded: Decoded, segments: tuple[Segment, ...]) -> WindowResult:
    if decoded.silent:
        return WindowResult("empty", reason="the model heard no speech", again=decoded.again)
    if not segments:
        return WindowResult("empty", reason="no words", again=decoded.again)
    return WindowResult("transcribed", segments, again=decoded.again)


def _retried(runtime: Runtime, window: Samples, options: DecodingOptions, prompt: list[int],
             first: Decoded) -> Decoded:
    """The first text, or the best of several where it is doubtful.

    The window is decoded again by itself, so its neighbours have no say in the outcome.
    """
    if not first.doubtful:
        return first
    encoded = runtime.encode([window])
    beams = max(RETRY_BEAMS, options.beam_size)
    efforts = [Effort(beams)] if beams > options.beam_size else []
    tries = [first]
    for effort in [*efforts, Effort(beams, NO_REPEAT)]:
        with step("decoder again"):
            [again] = runtime.decode(encoded, options, prompt, effort)
        tries.append(again)
        if not again.doubtful:
            break
    sober = [one for one in tries if one.compression <= MAX_COMPRESSION]
    best = tries[-1] if not tries[-1].doubtful else max(sober or tries, key=lambda one: one.log_probability)
    return dataclasses.replace(best, again=True)
