"""Every option, its default and its limits: one frozen dataclass per step.

The command line reads its defaults from here, so the library and the commands cannot differ.
An option that is None is filled in from the quality preset, or from what the machine offers.
(No ``slots`` here: ``PlanOptions.chunks`` is then the default itself.)
"""

from voicekit.options.presets import PRESETS, Preset, Quality, Task
from voicekit.options.run import RunOptions
from voicekit.options.speakers import SpeakerOptions, VoicingOptions
from voicekit.options.steps import (
    COMPUTE_TYPES,
    STAGES,
    DecodingOptions,
    EngineOptions,
    PlanOptions,
    Stage,
    StoreOptions,
    SubtitleOptions,
)

__all__ = [
    "COMPUTE_TYPES", "PRESETS", "STAGES", "DecodingOptions", "EngineOptions", "PlanOptions", "Preset", "Quality",
    "RunOptions", "SpeakerOptions", "Stage", "StoreOptions", "SubtitleOptions", "Task", "VoicingOptions",
]
