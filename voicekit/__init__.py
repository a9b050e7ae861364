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
    from voicekit.pipeline import transcribe

__all__ = ["Segment", "Span", "Transcript", "VoicekitError", "Word", "__version__", "formats", "transcribe"]


def __getattr__(name: str) -> object:
    # Imported when used: `import voicekit` must cost nothing.
    if name == "transcribe":
        from voicekit.pipeline import transcribe

        return transcribe
    if name == "formats":
        return importlib.import_module("voicekit.formats")
    raise AttributeError(f"module 'voicekit' has no attribute {name!r}")
