"""voicekit: parallel voice processing with the same words whatever the chunks and workers.

>>> import voicekit
>>> transcript = voicekit.transcribe("interview.mp3")  # doctest: +SKIP
>>> print(transcript.text)  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from voicekit.errors import VoicekitError
from voicekit.types import Segment, Span, Transcript, Word
from voicekit.version import __version__

if TYPE_CHECKING:
    from voicekit import formats
    from voicekit.pipeline import revoice, transcribe
    from voicekit.voice_changer import VoiceChanger

__all__ = ["Segment", "Span", "Transcript", "VoiceChanger", "VoicekitError", "Word", "__version__", "formats",
           "revoice", "transcribe"]


def __getattr__(name: str) -> object:
    # Imported when used: `import voicekit` must cost nothing.
    if name in ("transcribe", "revoice"):
        return getattr(importlib.import_module("voicekit.pipeline"), name)
    if name == "VoiceChanger":
        return importlib.import_module("voicekit.voice_changer").VoiceChanger
    if name == "formats":
        return importlib.import_module("voicekit.formats")
    raise AttributeError(f"module 'voicekit' has no attribute {name!r}")
