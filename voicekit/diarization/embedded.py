"""Who spoke, without a hub and without torch: Silero's speech, d-vectors, clustering, and the likeliest sequence.

One speaker at a time: where two speak at once, the one who is heard better is taken. The weights come from a package
of the package registry; see :mod:`voicekit.diarization.d_vector_source`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicekit.diarization import cells, d_vector_source
from voicekit.diarization.d_vector import FRAMES, HOP, LOUDNESS, SIZE, Bands, DVector
from voicekit.diarization.d_vector_file import read_weights
from voicekit.diarization.reconstruction import SpeakerTurn, diarization
from voicekit.diarization.sequences import label_cells
from voicekit.errors import DeviceError
from voicekit.protocols import DiarizerProfile, DiarizerSpec, ModelOnDisk, Samples
from voicekit.protocols.diarizing import ReadSamples
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.types import SAMPLE_RATE, Span

LONGEST_GAP = 0.8
"""Seconds; a shorter pause between two turns of the same speaker is one inside his speech. Tuned."""

_FRAME = 320  # samples per frame of activity: 20 ms


class Embedded:
    """How the d-vector is found, fetched and loaded."""

    profile = DiarizerProfile(
        name="embedded",
        packages=("scipy", "faster_whisper"),
        extra="",
        licence="Apache-2.0 (weights)",
        compute_types={"cpu": ("float32",)},
        libraries=("numpy", "scipy"),
        overlaps=False,
        # Two halves of 118 read utterances of 12 s: 3.4 % of the speakers are missed, 0.3 % of other pairs are taken
        # for one.
        alike=0.78,
    )

    def models(self) -> Sequence[str]:
        """The only one; a file is taken too."""
        return (d_vector_source.NAME,)

    def find(self, model: str | None) -> ModelOnDisk | None:
        """The weights if they are on disk: in an installed ``resemblyzer``, in voicekit's folder, or in a file."""
        return d_vector_source.find(model)

    def fetch(self, model: str | None, token: str | None = None) -> ModelOnDisk:
        """Download the weights from the package registry, with pip."""
        return d_vector_source.fetch(model)

    def cuda_devices(self) -> int:
        """None: a core is fast enough."""
        return 0

    def plan(self, model: ModelOnDisk, samples: int, spans: Sequence[Span]) -> tuple[Stretch, ...]:
        """Stretches of 64 s, with a little of what comes before and after."""
        return cells.stretches(samples, spans)

    def load(self, spec: DiarizerSpec) -> EmbeddedDiarizer:
        """Read the weights. There is no device to prove but the CPU."""
        if spec.device != "cpu":
            raise DeviceError(f"The engine embedded cannot run on {spec.device}.", "Use --device cpu.")
        return EmbeddedDiarizer(DVector(read_weights(Path(spec.model.path)), spec.threads))


class EmbeddedDiarizer:
    """The loaded engine."""

    def __init__(self, network: DVector) -> None:
        self.device = "cpu"
        self._network = network
        self._bands = Bands()

    def listen(self, stretch: Stretch, read: ReadSamples) -> Heard:
        """One embedding per cell in which somebody speaks."""
        start, first, spans = _place(stretch)
        laid = cells.lay(spans, first, stretch.count)
        spoken = np.flatnonzero(laid.span >= 0)
        embeddings = np.full((stretch.count, 1, SIZE), np.nan, np.float32)
        if len(spoken):
            sound = read(start, start + round(stretch.duration * SAMPLE_RATE))
            bands = self._bands(sound)
            windows = np.stack([_window(sound, bands, int(laid.start[cell]), int(laid.stop[cell]))
                                for cell in spoken])
            embeddings[spoken, 0] = self._network(windows)
        return Heard(_activity(spans, first, stretch.count), embeddings)

    def conclude(self, samples: int, stretches: Sequence[Stretch], heard: Sequence[Heard],
                 bounds: SpeakerBounds) -> Diarization:
        """Cluster all embeddings, and give every span of speech its speakers."""
        spans = cells.speech_of(stretches)
        laid = cells.lay(spans, 0, cells.count(samples))
        embeddings = np.concatenate([np.empty((0, SIZE), np.float32), *(each.embeddings[:, 0] for each in heard)])
        known = np.flatnonzero((laid.span >= 0) & np.isfinite(embeddings).all(axis=1))
        spans = np.minimum(spans, samples)
        if not len(spans):
            return Diarization()
        if not len(known):  # a word or two, too short to tell: somebody spoke, nobody knows how he sounds
            spoken = _filled([(start / SAMPLE_RATE, end / SAMPLE_RATE, 0) for start, end in spans.tolist()],
                             LONGEST_GAP)
            return diarization(spoken, spoken, None, _too_few(1, bounds))
        labels, voices = label_cells(embeddings[known], laid.span[known],
                                     (laid.stop - laid.start)[known] / SAMPLE_RATE, bounds)
        spoken = _filled(_turns(spans, laid.span[known], known, labels), LONGEST_GAP)
        return diarization(spoken, spoken, voices, _too_few(len({turn[2] for turn in spoken}), bounds))


def _place(stretch: Stretch) -> tuple[int, int, NDArray[np.int64]]:
    """Where a stretch begins (in samples), its first cell counted from there, and its speech counted from there.

    All that follows is counted from the stretch's start, so that it stays the same wherever the same sound appears.
    """
    start = round(stretch.start * SAMPLE_RATE)
    return start, stretch.first - start // cells.STEP, cells.in_samples(stretch.speech) - start


def _window(sound: Samples, bands: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
    """Mel bands of some speech, as loud as the network expects; less than 1.6 s is repeated until it is 1.6 s."""
    samples = sound[start:stop].astype(np.float64)
    level = np.sqrt((samples * samples).mean()) if len(samples) else 0.0
    gain = max(1.0, LOUDNESS / level) if level > 0 else 1.0
    frames = bands[start // HOP:stop // HOP] * np.float32(gain * gain)
    return np.resize(frames, (FRAMES, frames.shape[1]))


def _activity(spans: NDArray[np.int64], first: int, number: int) -> NDArray[np.uint8]:
    """Where speech was detected, in frames of 20 ms."""
    per_cell = cells.STEP // _FRAME
    active = np.zeros(number * per_cell, np.uint8)
    for start, end in (np.rint(spans / _FRAME).astype(int) - first * per_cell).tolist():
        active[max(0, start):max(0, end)] = 1
    return active.reshape(number, per_cell, 1)


def _turns(spans: NDArray[np.int64], owners: NDArray[np.int64], known: NDArray[np.int64],
           labels: NDArray[np.int64]) -> list[SpeakerTurn]:
    """Cut each span of speech where its speaker changes, on the border between two cells."""
    found: list[SpeakerTurn] = []
    for index, (start, end) in enumerate(spans.tolist()):
        low, high = np.searchsorted(owners, [index, index + 1])
        if low == high:  # too short to tell: whoever is heard next to it
            middle = (start + end) / 2 / cells.STEP
            nearest = int(np.abs(known + 0.5 - middle).argmin())
            low, high = nearest, nearest + 1
        changes = low + 1 + np.flatnonzero(np.diff(labels[low:high]))
        edges = [start, *(known[changes] * cells.STEP).tolist(), end]
        speakers = labels[[low, *changes]].tolist()
        found += [(begin / SAMPLE_RATE, stop / SAMPLE_RATE, speaker)
                  for begin, stop, speaker in zip(edges[:-1], edges[1:], speakers, strict=True) if stop > begin]
    return found


def _filled(turns: Sequence[SpeakerTurn], longest_gap: float) -> list[SpeakerTurn]:
    """Join turns of one speaker that follow each other after a short pause."""
    joined: list[SpeakerTurn] = []
    for start, end, speaker in turns:
        if joined and joined[-1][2] == speaker and start - joined[-1][1] < longest_gap:
            joined[-1] = joined[-1][0], end, speaker
        else:
            joined.append((start, end, speaker))
    return joined


def _too_few(found: int, bounds: SpeakerBounds) -> tuple[str, ...]:
    if found >= (bounds.least or 0):
        return ()
    return (f"Only {found} of at least {bounds.least} speakers could be told apart.",)
