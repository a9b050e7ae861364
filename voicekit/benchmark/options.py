"""What a benchmark is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voicekit.errors import UsageError

TARGET = "faster-whisper-batched"
"""The peer that matters; the others are for scale."""

PEERS = {TARGET: "faster_whisper_batched", "faster-whisper": "faster_whisper", "openai-whisper": "openai_whisper"}
"""Modules of :mod:`voicekit.benchmark.peers` by the names of the peers."""


@dataclass(frozen=True)
class BenchmarkOptions:
    """As the command line gives them.

    Attributes
    ----------
    model : str
        A name of :data:`voicekit.benchmark.shapes.SHAPES`, or the folder of a model.
    minutes : float
        Length of the recording.
    recording : Path or None
        What it is made of; synthetic if None.
    rounds : int
        How often every contestant runs.
    peers : tuple of str or None
        Names; None for all that can run here.
    tokens : int
        For every window, where the weights are random.
    device : {"auto", "cpu", "cuda"}
        For all contestants.
    engine : str
        voicekit's.
    word_timestamps : bool
        Whether words get their times.
    peer_batch_size, peer_threads : int or None
        Of the batched peer; None looks for the best.
    keep : Path or None
        Where models are kept that are made here; the user's cache folder if None.
    """

    model: str = "small"
    minutes: float = 10.0
    recording: Path | None = None
    rounds: int = 5
    peers: tuple[str, ...] | None = None
    tokens: int = 80
    device: str = "auto"
    engine: str = "auto"
    word_timestamps: bool = True
    peer_batch_size: int | None = None
    peer_threads: int | None = None
    keep: Path | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.peers or () if name not in PEERS]
        if unknown:
            raise UsageError(f"There is no peer {unknown[0]!r}.", f"Choose from: {', '.join(PEERS)}; or all.")


def peers_of(text: str) -> tuple[str, ...] | None:
    """``--peers``: names with commas between them, or all.

    Examples
    --------
    >>> peers_of("all"), peers_of("faster-whisper, openai-whisper"), peers_of("none")
    (None, ('faster-whisper', 'openai-whisper'), ())
    """
    if text.strip() == "all":
        return None
    return tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(","))))) if text != "none" else ()
