"""What the quality levels mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Quality = Literal["fast", "normal", "high"]
Task = Literal["transcribe", "translate"]


@dataclass(frozen=True, slots=True)
class Preset:
    """What a quality level means, for every step that asks.

    Attributes
    ----------
    model_cpu, model_gpu : str
        Whisper's model on either kind of device.
    beam_size : int
        Hypotheses kept while decoding; 1 is greedy.
    word_timestamps : bool
        Whether every word gets its own times.
    stress, prosody : bool
        For re-voicing: mark stressed vowels; carry the original's melody over.
    """

    model_cpu: str
    model_gpu: str
    beam_size: int
    word_timestamps: bool
    stress: bool
    prosody: bool


PRESETS: Mapping[str, Preset] = MappingProxyType({
    #               on a CPU  on a GPU          beam  words  stress prosody
    "fast": Preset("base", "base", 1, False, False, False),
    "normal": Preset("small", "small", 1, True, True, True),
    "high": Preset("medium", "large-v3-turbo", 5, True, True, True),
})
