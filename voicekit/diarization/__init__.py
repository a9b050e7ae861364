"""The diarization engines, found by name. Adding one is a line here and a module beside this file.

Examples
--------
>>> adapter("embedded").profile.overlaps
False
"""

from __future__ import annotations

from voicekit.protocols import DiarizerAdapter
from voicekit.registry import Engines

_ENGINES = Engines[DiarizerAdapter]({
    "pyannote": "voicekit.diarization.pyannote_engine:Pyannote",
    "onnx": "voicekit.diarization.onnx_engine:Onnx",
    "embedded": "voicekit.diarization.embedded:Embedded",
}, "diarization engine", "Choose auto, off or one of: {}.")

names = _ENGINES.names
adapter = _ENGINES.adapter
installed = _ENGINES.installed
version = _ENGINES.version
how_to_install = _ENGINES.how_to_install
require_installed = _ENGINES.require_installed
