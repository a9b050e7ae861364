"""The sockets: what voicekit asks of a speech detector, an engine, and whatever runs the pieces.

Sockets are small, so that an adapter is a page. An adapter is found by name in :mod:`voicekit.engines`,
:mod:`voicekit.voices` or :mod:`voicekit.diarization` and imported only when it is asked for; its module must not
import its heavy library before its method ``load`` (or another one that needs it) is called.
"""

from voicekit.protocols.diarizing import Diarizer, DiarizerAdapter, DiarizerProfile, DiarizerSpec, ReadSamples
from voicekit.protocols.recognition import (
    Copyable,
    EngineAdapter,
    EngineProfile,
    EngineSpec,
    ModelOnDisk,
    Samples,
    SpeechDetector,
    Transcriber,
)
from voicekit.protocols.voicing import Stresser, Synthesizer, VoiceAdapter, VoiceSpec

__all__ = [
    "Copyable",
    "Diarizer", "DiarizerAdapter", "DiarizerProfile", "DiarizerSpec",
    "EngineAdapter", "EngineProfile", "EngineSpec", "ModelOnDisk", "ReadSamples", "Samples", "SpeechDetector",
    "Stresser", "Synthesizer", "Transcriber", "VoiceAdapter", "VoiceSpec",
]
