"""A door for those who know the class ``VoiceChanger``: :func:`voicekit.pipeline.revoice` in its clothes."""

from __future__ import annotations

import os
from dataclasses import dataclass

from voicekit.pipeline import revoice
from voicekit.spoken import Voicing


@dataclass(frozen=True)
class VoiceChanger:
    """Speaks recordings again in another voice.

    Parameters
    ----------
    device : str
        Where speech is recognised: ``auto``, ``cpu``, ``cuda``, ``cuda:0,1``.
    enable_parallel : bool
        Whether as many workers are used as the machine has room for; one if not. The result is the same.

    Examples
    --------
    >>> changer = VoiceChanger(device="cpu", enable_parallel=True)
    >>> changer.process_file("in.mp3", "out.mp3", method="silero:xenia")  # doctest: +SKIP
    """

    device: str = "auto"
    enable_parallel: bool = True

    def process_file(self, input_file: str | os.PathLike[str], output_file: str | os.PathLike[str],
                     method: str = "silero", preserve_quality: bool = True) -> Voicing:
        """Speak one recording again.

        Parameters
        ----------
        input_file, output_file : path
            As for :func:`voicekit.pipeline.revoice`.
        method : str
            The voice: ``ENGINE`` or ``ENGINE:NAME``.
        preserve_quality : bool
            Whether melody, loudness and pace of the original are carried over, and stressed vowels marked.

        Returns
        -------
        Voicing
            What became of each sentence.
        """
        return revoice(input_file, output_file, voice=method, device=self.device,
                       quality="normal" if preserve_quality else "fast",
                       workers=None if self.enable_parallel else 1)
