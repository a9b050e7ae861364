"""Any recording in, 16 kHz mono PCM on disk out, read by span.

Examples
--------
>>> from voicekit import audio
>>> recording = audio.decode("talk.mp3", "/tmp/talk")  # doctest: +SKIP
>>> audio.read(recording, 12.0, 12.5).shape  # doctest: +SKIP
(8000,)
"""

from voicekit.audio.bounds import LONGEST_RECORDING
from voicekit.audio.decoding import blocks, decode, decode_gradually, read, read_pcm, sha256

__all__ = ["LONGEST_RECORDING", "blocks", "decode", "decode_gradually", "read", "read_pcm", "sha256"]
