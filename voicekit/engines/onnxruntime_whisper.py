"""Whisper with its encoder on onnxruntime and its decoder on CTranslate2: the fastest on a CPU that has AVX2 only."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voicekit import telemetry
from voicekit.engines import onnx_encoder
from voicekit.engines import whisper_windows as shared
from voicekit.engines.faster_whisper import FasterWhisper, FasterWhisperTranscriber
from voicekit.engines.whisper_weights import Weights
from voicekit.engines.whisper_windows import Decoded
from voicekit.engines.whisper_words import Timing
from voicekit.errors import DeviceError, ModelError
from voicekit.options import DecodingOptions
from voicekit.profiling import step
from voicekit.protocols import EngineSpec, Samples


class OnnxRuntimeWhisper(FasterWhisper):
    """How the models are found, fetched and loaded: they are faster-whisper's, and so is all but the encoder."""

    profile = dataclasses.replace(
        FasterWhisper.profile,
        name="onnxruntime",
        package="onnxruntime",
        compute_types={"cpu": ("int8",)},
        libraries=(*FasterWhisper.profile.libraries, "onnxruntime"),
    )

    def cuda_devices(self) -> int:
        """None: on a GPU faster-whisper is the engine."""
        return 0

    def load(self, spec: EngineSpec) -> OnnxRuntimeTranscriber:
        """Load the model, build the encoder anew, and prove where both are."""
        model = self.open(spec)
        try:
            encoder = _session(Weights(Path(spec.model.path), quantize=False), spec.threads)
        except Exception as error:  # onnxruntime's errors share no narrower type
            raise ModelError(f"The encoder of {spec.model.name!r} at {spec.model.path} cannot be built: {error}",
                             "Take --engine faster-whisper, or delete its folder and fetch it again.") from error
        if (providers := encoder.get_providers()) != ["CPUExecutionProvider"]:
            raise DeviceError(f"The encoder is on {', '.join(providers)}, not on {spec.device}.",
                              "Report this; meanwhile take --engine faster-whisper.")
        return OnnxRuntimeTranscriber(model, encoder)


def _session(weights: Weights, threads: int) -> Any:
    telemetry.switch_off()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    # Else its threads would keep the cores busy for a while when the encoder is done, and the decoder has begun.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(onnx_encoder.build(weights), options, providers=["CPUExecutionProvider"])


class OnnxRuntimeTranscriber(FasterWhisperTranscriber):
    """faster-whisper's transcriber with another encoder."""

    def __init__(self, model: Any, encoder: Any) -> None:
        super().__init__(model)
        self._encoder = encoder

    def encode(self, windows: Sequence[Samples]) -> Any:
        """Encode the windows, one by one: several together are slower."""
        from ctranslate2 import StorageView

        extractor = self._model.feature_extractor
        with step("features"):
            features = [extractor(shared.padded(window), padding=0) for window in windows]
        with step("encoder"):
            return StorageView.from_array(np.concatenate([
                self._encoder.run(None, {onnx_encoder.INPUT: one[None].astype(np.float32, copy=False)})[0]
                for one in features]))

    def align(self, encoded: Any, options: DecodingOptions, decoded: Sequence[Decoded],
              frames: Sequence[int]) -> list[list[Timing]]:
        """Find the words of every window by itself: beside a longer text CTranslate2 may find them 20 ms off."""
        from ctranslate2 import StorageView

        sound = np.asarray(encoded)
        return [super(OnnxRuntimeTranscriber, self).align(
            StorageView.from_array(sound[place:place + 1]), options, [one], [count])[0]
            for place, (one, count) in enumerate(zip(decoded, frames, strict=True))]
