"""The engines, found by name. Adding one is a line here and a module beside this file.

Examples
--------
>>> adapter("pocketsphinx").profile.languages
frozenset({'en'})
>>> version("pocketsphinx")[:12]
'pocketsphinx'
"""

from __future__ import annotations

from voicekit.protocols import EngineAdapter
from voicekit.registry import Engines

_ENGINES = Engines[EngineAdapter]({
    "faster-whisper": "voicekit.engines.faster_whisper:FasterWhisper",
    "openvino": "voicekit.engines.openvino_whisper:OpenVINOWhisper",
    "openai-whisper": "voicekit.engines.openai_whisper:OpenAIWhisper",
    "gigaam": "voicekit.engines.onnx_asr:GigaAM",
    "parakeet": "voicekit.engines.onnx_asr:Parakeet",
    "pocketsphinx": "voicekit.engines.pocketsphinx:PocketSphinx",
}, "engine", "Choose auto or one of: {}.")

names = _ENGINES.names
adapter = _ENGINES.adapter
installed = _ENGINES.installed
version = _ENGINES.version
how_to_install = _ENGINES.how_to_install
require_installed = _ENGINES.require_installed
