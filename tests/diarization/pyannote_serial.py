"""pyannote.audio alone, as it is published: what our parallel run is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit.diarization import pyannote_loading
from voicekit.types import SAMPLE_RATE, Turn


@dataclass(frozen=True)
class Serial:
    """What pyannote found, and what it had heard on the way."""

    turns: list[tuple[float, float, str]]
    exclusive: list[tuple[float, float, str]]
    segmentations: NDArray[Any]
    embeddings: NDArray[Any] | None


def pipeline(folder: Path) -> Any:
    """Loaded by pyannote's own means."""
    pyannote_loading.import_pyannote()
    from pyannote.audio import Pipeline

    with pyannote_loading.quietly():
        return Pipeline.from_pretrained(folder)


def run(loaded: Any, samples: NDArray[np.float32], threads: int = 1, **bounds: int) -> Serial:
    """``pipeline.apply`` on the whole recording, in one process.

    With several threads pyannote's last layer rounds otherwise where it has few rows; so one is what is compared.
    """
    import torch

    heard: dict[str, Any] = {}

    def hook(step: str, artifact: Any, **_: Any) -> None:
        if artifact is not None:
            heard[step] = artifact

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with pyannote_loading.quietly():
            file = {"waveform": torch.from_numpy(samples)[None], "sample_rate": SAMPLE_RATE, "uri": "recording"}
            found = loaded.apply(file, hook=hook, **bounds)
    finally:
        torch.set_num_threads(before)

    def plain(annotation: Any) -> list[tuple[float, float, str]]:
        end = len(samples) / SAMPLE_RATE
        return sorted((segment.start, min(segment.end, end), label)
                      for segment, _, label in annotation.itertracks(yield_label=True) if segment.start < end)

    return Serial(plain(found.speaker_diarization), plain(found.exclusive_speaker_diarization),
                  heard["segmentation"].data, heard.get("embeddings"))


def assert_same(turns: tuple[Turn, ...], expected: list[tuple[float, float, str]],
                names: dict[str, str] | None = None) -> dict[str, str]:
    """The same times exactly, and the same speakers under one-to-one names, which are returned."""
    ours = sorted((turn.start, turn.end) for turn in turns)
    assert ours == sorted((start, end) for start, end, _ in expected)
    if names is None:
        by_label = {label: frozenset((start, end) for start, end, other in expected if other == label)
                    for label in {label for _, _, label in expected}}
        by_name = {label: frozenset((turn.start, turn.end) for turn in turns if turn.speaker == label)
                   for label in {turn.speaker for turn in turns}}
        of_turns = {spoken: label for label, spoken in by_name.items()}
        assert len(of_turns) == len(by_name) == len(by_label)
        names = {label: of_turns[spoken] for label, spoken in by_label.items()}
    assert sorted((start, end, names[label]) for start, end, label in expected) == sorted(
        (turn.start, turn.end, turn.speaker) for turn in turns)
    return names
