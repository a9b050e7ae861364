"""PocketSphinx: the embedded default. Its English model lies inside its wheel, so it always works.

It is far less accurate than Whisper (WER 0.10 on clear read English, README, and far worse on anything
else), and it writes no punctuation; it is here so that the whole path runs with nothing downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.options import DecodingOptions, Quality
from voicekit.protocols import EngineProfile, EngineSpec, ModelOnDisk, Samples, Transcriber
from voicekit.types import SAMPLE_RATE, Segment, WindowResult, Word

_FRAMES_PER_SECOND = 100
_SHORTEST = SAMPLE_RATE // 20  # its front end needs a few frames
_PRONUNCIATION = re.compile(r"\(\d+\)$")  # "read(2)" is the second way to say "read"


class PocketSphinx:
    """Adapter of PocketSphinx 5."""

    profile = EngineProfile(
        name="pocketsphinx",
        package="pocketsphinx",
        extra="",
        licence="BSD-2-Clause (engine and model)",
        languages=frozenset({"en"}),
        max_window=30.0,
        batched=False,
        max_threads=1,
        compute_types={"cpu": ("float32",)},
        supports=frozenset(),
        libraries=("pocketsphinx",),
    )

    def models(self) -> Sequence[str]:
        """The one model there is."""
        return ("en-us",)

    def default_model(self, quality: Quality, device: str) -> str:
        """The same for every preset."""
        return "en-us"

    def find(self, model: str) -> ModelOnDisk | None:
        """The model inside the wheel."""
        if model != "en-us":
            raise ModelError(f"PocketSphinx has no model {model!r}.", "Leave --model out, or say en-us.")
        import pocketsphinx

        path = Path(pocketsphinx.get_model_path("en-us"))
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return ModelOnDisk(model, str(path), f"pocketsphinx {version('pocketsphinx')}", size)

    def fetch(self, model: str) -> ModelOnDisk:
        """Nothing to download."""
        found = self.find(model)
        assert found is not None
        return found

    def cuda_devices(self) -> int:
        """None: it runs on a CPU only."""
        return 0

    def load(self, spec: EngineSpec) -> Transcriber:
        """Build the decoder."""
        if spec.device != "cpu":
            raise DeviceError(f"PocketSphinx cannot run on {spec.device}.", "Use --device cpu.")
        return _Decoder()


class _Decoder:
    """A loaded decoder. One window is one full utterance, so nothing carries over to the next."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        # By default the cepstral mean adapts from utterance to utterance, and with it the words.
        self._decoder: Any = Decoder(samprate=SAMPLE_RATE, cmn="batch", loglevel="FATAL")
        self.device = "cpu"

    def transcribe(self, windows: Sequence[Samples], options: DecodingOptions) -> list[WindowResult]:
        """See :meth:`voicekit.protocols.Transcriber.transcribe`."""
        return [self._window(window, options) for window in windows]

    def detect_language(self, windows: Sequence[Samples]) -> list[Mapping[str, float]]:
        """It only knows English."""
        raise UsageError("PocketSphinx cannot detect a language.", "It only knows English: --language en.")

    def _window(self, window: Samples, options: DecodingOptions) -> WindowResult:
        import numpy as np

        if len(window) < _SHORTEST:
            return WindowResult("empty", reason="no words")
        pcm = np.clip(np.rint(window * 32768), -32768, 32767).astype("<i2").tobytes()
        # Also with batch means the front end keeps state from one utterance to the next, and the times,
        # probabilities and sometimes words with it. A new one costs nothing.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        try:
            self._decoder.process_raw(pcm, full_utt=True)
        finally:
            self._decoder.end_utt()
        words = _words(self._decoder.seg() or (), len(window) / SAMPLE_RATE)
        if not words:
            return WindowResult("empty", reason="no words")
        text = "".join(word.word for word in words).strip()
        segment = Segment(words[0].start, words[-1].end, text, words if options.word_timestamps else ())
        return WindowResult("transcribed", (segment,))


def _words(pieces: Any, duration: float) -> tuple[Word, ...]:
    words = []
    for piece in pieces:
        if piece.word[0] in "<[+":  # <s>, <sil>, [NOISE], ++BREATH++
            continue
        start = min(piece.start_frame / _FRAMES_PER_SECOND, duration)
        end = min((piece.end_frame + 1) / _FRAMES_PER_SECOND, duration)
        # It writes no punctuation; the dots of "f. b. i." and "mr." would be taken for sentence ends.
        text = " " + _PRONUNCIATION.sub("", piece.word).rstrip(".")
        words.append(Word(start, end, text, min(1.0, max(0.0, float(piece.prob)))))
    return tuple(words)
