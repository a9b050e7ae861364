"""A small copy of a sound that a page can hold: Ogg Opus, encoded while the sound goes by.

All three containers that Opus has in browsers (Ogg, WebM, MP4) play and seek at once in Chromium, also out of a
``data:`` URL and for an hour; Ogg is the smallest and the only one that is written without going back.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import av
import numpy as np

from voicekit.audio.encoding import Coding, add_sound, encoder_errors, muxer_options
from voicekit.audio.resampling import frame_of
from voicekit.protocols import Samples

SPEECH = Coding("libopus", "flt", 48_000, 24_000, (("application", "voip"), ("compression_level", "5")))
"""24 kbit/s, tuned for speech: 11.3 MB an hour. The slowest search takes half as long again and saves nothing."""

MEDIA_TYPE = "audio/ogg"


class OpusCopy:
    """Encodes blocks of sound as they come.

    Parameters
    ----------
    rate : int
        Samples per second of what comes.

    Raises
    ------
    ProcessingError
        By any method, if the encoder fails.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._target = SPEECH.rate(rate)
        self._file = io.BytesIO()
        with encoder_errors(Path("the copy in the page")):
            self._container = av.open(self._file, "w", format="ogg", options=muxer_options("ogg", self._target))
            self._stream = add_sound(self._container, SPEECH, rate)
            self._container.start_encoding()
            self._resampler = av.AudioResampler(format=SPEECH.sample_format, layout="mono", rate=self._target)

    def take(self, block: Samples) -> None:
        """Encode the next block, shape (samples,); what is beyond [-1, 1] is clipped."""
        with encoder_errors(Path("the copy in the page")):
            self._encode(frame_of(np.clip(block, -1, 1), self._rate))

    def finish(self) -> None:
        """Encode what is held back; nothing comes after it."""
        with encoder_errors(Path("the copy in the page")):
            self._encode(None)
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()

    def url(self) -> str:
        """All of it as a ``data:`` URL."""
        return f"data:{MEDIA_TYPE};base64,{base64.b64encode(self._file.getbuffer()).decode('ascii')}"

    def _encode(self, frame: Any) -> None:
        for resampled in self._resampler.resample(frame):
            for packet in self._stream.encode(resampled):
                self._container.mux(packet)
