"""However a recording is divided among workers, the result is what pyannote.audio finds alone, bit for bit."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import samples_of
from tests.diarization import pyannote_serial as serial
from tests.models import pyannote_models
from voicekit import diarization
from voicekit.diarization import pyannote_embeddings, pyannote_engine, pyannote_loading
from voicekit.diarization.pyannote_engine import Pyannote, PyannoteDiarizer
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.protocols import DiarizerSpec, ReadSamples
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.types import SAMPLE_RATE

if not diarization.installed("pyannote"):
    pytest.skip("pyannote.audio is not installed", allow_module_level=True)
pytestmark = pytest.mark.model

NOBODY_SAID = SpeakerBounds()
SERIAL: dict[tuple[Path, bytes], serial.Serial] = {}
"""What pyannote found alone, by pipeline and sound: it takes longer than ours."""

Build = Callable[[str], Path]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Pipelines by name, each written once."""
    makers = {
        "community": lambda path: pyannote_models.community(path, fitted=True, segmentation_batch=4, embedding_batch=8),
        "random": lambda path: pyannote_models.community(path, fitted=False, segmentation_batch=4, embedding_batch=4),
        "singles": lambda path: pyannote_models.community(path, fitted=True, segmentation_batch=1, embedding_batch=1),
        "gaps": lambda path: pyannote_models.community(path, fitted=True, segmentation_batch=4, gap=0.2),
        "older": lambda path: pyannote_models.older(path, fitted=True, segmentation_batch=4, embedding_batch=3),
        "scores": lambda path: pyannote_models.older(path, fitted=True, powerset=False, segmentation_batch=4, gap=0.1),
        "published": lambda path: pyannote_models.community(path, fitted=False, bins=80),
    }
    folder = tmp_path_factory.mktemp("pipelines")

    def built(name: str) -> Path:
        return folder / name if (folder / name).exists() else makers[name](folder / name)

    return built


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a minute has many."""
    monkeypatch.setattr(pyannote_engine, "ABOUT", 8)


def reading(samples: NDArray[np.float32]) -> ReadSamples:
    def read(start: int, stop: int) -> NDArray[np.float32]:
        inside = samples[start:stop]
        return np.pad(inside, (0, stop - start - len(inside)))

    return read


def load(folder: Path, threads: int = 1) -> PyannoteDiarizer:
    model = Pyannote().find(str(folder))
    assert model is not None
    return Pyannote().load(DiarizerSpec("pyannote", model, threads=threads))


def planned(folder: Path, samples: NDArray[np.float32]) -> tuple[Stretch, ...]:
    model = Pyannote().find(str(folder))
    assert model is not None
    return Pyannote().plan(model, len(samples), ())


def listened(folder: Path, samples: NDArray[np.float32], shards: int) -> tuple[tuple[Stretch, ...], list[Heard]]:
    """Each shard gets a run of stretches and an engine of its own; they are worked off from the last to the first."""
    stretches = planned(folder, samples)
    heard: dict[int, Heard] = {}
    for shard in reversed(np.array_split(np.arange(len(stretches)), shards)):
        engine = load(folder, threads=1 + len(heard) % 2)
        for index in reversed(shard.tolist()):
            heard[index] = engine.listen(stretches[index], reading(samples))
    return stretches, [heard[index] for index in range(len(stretches))]


def assert_as_alone(folder: Path, samples: NDArray[np.float32], shards: int) -> tuple[serial.Serial, Diarization]:
    key = folder, samples.tobytes()
    expected = SERIAL[key] = SERIAL[key] if key in SERIAL else serial.run(serial.pipeline(folder), samples)
    stretches, heard = listened(folder, samples, shards)
    assert np.array_equal(np.concatenate([each.activity for each in heard]), expected.segmentations)
    if expected.embeddings is not None:  # pyannote computes none where nobody speaks
        assert np.array_equal(np.concatenate([each.embeddings for each in heard]), expected.embeddings, equal_nan=True)
    found = load(folder).conclude(len(samples), stretches, heard, NOBODY_SAID)
    names = serial.assert_same(found.turns, expected.turns)
    serial.assert_same(found.exclusive, expected.exclusive, names)
    return expected, found


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
def test_however_many_workers(build: Build, shards: int) -> None:
    spoken = pyannote_models.conversation(63.7, seed=5, pause=True)
    assert len(planned(build("community"), spoken.samples)) == 7
    expected, found = assert_as_alone(build("community"), spoken.samples, shards)
    active = (expected.segmentations.sum(axis=1) > 0).sum(axis=1)
    assert {0, 3} <= set(active.tolist()), "the test needs windows with nobody and with several speakers"
    assert set(np.unique(expected.segmentations.sum(axis=2))) == {0, 1, 2}, "the test needs frames of all kinds"
    assert len({turn.speaker for turn in found.turns}) >= 2
    assert len(found.turns) > len(found.exclusive) > 20
    assert found.turns[0].speaker == "SPEAKER_00"
    assert all(np.isclose(np.linalg.norm(voice), 1) for voice in found.voices.values())


@pytest.mark.parametrize("seconds", [0.4, 3.2, 10.0, 14.0, 25.3], ids=str)
@pytest.mark.parametrize("kind", ["community", "random", "older", "scores"])
def test_however_long(build: Build, kind: str, seconds: float) -> None:
    assert_as_alone(build(kind), pyannote_models.conversation(seconds, seed=8).samples, 2)


@pytest.mark.parametrize("kind", ["singles", "gaps"])
def test_batches_of_one_and_gaps_filled(build: Build, kind: str) -> None:
    assert_as_alone(build(kind), pyannote_models.conversation(21.9, seed=2).samples, 3)


def test_networks_of_the_published_size(build: Build) -> None:
    expected, _ = assert_as_alone(build("published"), pyannote_models.conversation(12.7, seed=4).samples, 1)
    assert expected.embeddings is not None


def test_recorded_speech(build: Build) -> None:
    spec = find_spec("pyannote.audio")
    assert spec is not None and spec.origin is not None
    with wave.open(str(Path(spec.origin).parent / "sample" / "sample.wav")) as file:
        assert file.getframerate() == SAMPLE_RATE
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    _, found = assert_as_alone(build("community"), sound, 3)
    assert found.turns


@pytest.mark.eval
@pytest.mark.slow
def test_a_recorded_conversation(build: Build, evaluation: Path, tmp_path: Path) -> None:
    sound = samples_of(evaluation / "diarization" / "sim2.flac", tmp_path).astype(np.float32) / 32768
    assert_as_alone(build("community"), sound, 3)


@pytest.mark.parametrize(("number", "least", "most"), [(2, None, None), (None, 4, None), (None, None, 1), (None, 1, 2),
                                                       (6, None, None)])
@pytest.mark.parametrize("kind", ["community", "older"])
def test_how_many_speakers_there_may_be(build: Build, kind: str, number: int | None, least: int | None,
                                        most: int | None) -> None:
    sound = pyannote_models.conversation(30.0, seed=6).samples
    stretches, heard = listened(build(kind), sound, 1)
    alone = replaying(build(kind), heard)
    expected = alone(sound, **{name: value for name, value in (
        ("num_speakers", number), ("min_speakers", least), ("max_speakers", most)) if value})
    bounds = SpeakerBounds(number or least, number or most)
    found = load(build(kind)).conclude(len(sound), stretches, heard, bounds)
    names = serial.assert_same(found.turns, expected.turns)
    serial.assert_same(found.exclusive, expected.exclusive, names)
    if most == 1:
        assert {turn.speaker for turn in found.turns} == {"SPEAKER_00"}


def replaying(folder: Path, heard: Sequence[Heard]) -> Callable[..., serial.Serial]:
    """pyannote alone, but for segmentation and embeddings: its own way to try out parameters."""
    from pyannote.core import SlidingWindow, SlidingWindowFeature

    loaded = serial.pipeline(folder)
    activity = np.concatenate([each.activity for each in heard]).astype(np.float32)
    voices = np.concatenate([each.embeddings for each in heard])
    loaded.get_segmentations = lambda file, hook=None: SlidingWindowFeature(activity, SlidingWindow(10.0, 1.0))
    loaded.get_embeddings = lambda *args, **kwargs: voices.copy()
    return lambda samples, **bounds: serial.run(loaded, samples, **bounds)


def test_bounds_that_cannot_be_kept_are_told(build: Build, recwarn: pytest.WarningsRecorder,
                                             capfd: pytest.CaptureFixture[str]) -> None:
    sound = pyannote_models.conversation(11.0, seed=6).samples
    stretches, heard = listened(build("older"), sound, 1)
    engine = load(build("older"))
    found = engine.conclude(len(sound), stretches, heard, SpeakerBounds(9, None))
    assert "outside the bounds from 9" in found.warnings[0]
    assert not recwarn.list
    assert capfd.readouterr().out == ""
    with pytest.raises(UsageError, match="at least 3 and at most 2"):
        engine.conclude(len(sound), stretches, heard, SpeakerBounds(3, 2))


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("batch", [1, 5, 32])
def test_embeddings_are_those_of_the_stock_path(build: Build, exclude: bool, batch: int) -> None:
    import torch
    from pyannote.core import SlidingWindow, SlidingWindowFeature

    sound = pyannote_models.conversation(16.0, seed=1).samples
    loaded = serial.pipeline(build("community"))
    loaded.embedding_batch_size = batch
    # Everything there is: nobody, one, overlap throughout, a clean part that is too short to be used alone.
    binary = np.zeros((7, 589, 3), np.float32)
    binary[1, 40:300, 1] = binary[2, :, :2] = binary[3, 100:400, 0] = binary[3, 102:402, 2] = 1
    binary[4:] = np.random.default_rng(2).random((3, 589, 3)) < 0.4
    torch.set_num_threads(1)
    with pyannote_loading.quietly():
        expected = loaded.get_embeddings({"waveform": torch.from_numpy(sound)[None], "sample_rate": SAMPLE_RATE},
                                         SlidingWindowFeature(binary, SlidingWindow(10.0, 1.0)), exclude_overlap=exclude)
    loaded.embedding_exclude_overlap = exclude
    windows = torch.from_numpy(sound).unfold(0, 10 * SAMPLE_RATE, SAMPLE_RATE)
    found = pyannote_embeddings.embeddings(loaded, windows, binary.astype(np.uint8))
    assert np.array_equal(found, expected, equal_nan=True)
    assert len(np.unique(found.reshape(21, -1), axis=0)) > 10


def test_embeddings_of_another_kind(build: Build) -> None:
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import XVectorSincNet
    from pyannote.core import SlidingWindow, SlidingWindowFeature

    loaded = serial.pipeline(build("older"))
    torch.manual_seed(3)
    other = XVectorSincNet(dimension=32)
    other.specifications = Specifications(Problem.REPRESENTATION, Resolution.CHUNK, duration=10.0, classes=["a", "b"])
    other.setup()
    loaded._embedding.model_ = other.eval()
    sound = pyannote_models.conversation(13.0, seed=1).samples
    binary = (np.random.default_rng(2).random((4, 589, 3)) < 0.5).astype(np.float32)
    torch.set_num_threads(1)
    with pyannote_loading.quietly():
        expected = loaded.get_embeddings({"waveform": torch.from_numpy(sound)[None], "sample_rate": SAMPLE_RATE},
                                         SlidingWindowFeature(binary, SlidingWindow(10.0, 1.0)), exclude_overlap=True)
    windows = torch.from_numpy(sound).unfold(0, 10 * SAMPLE_RATE, SAMPLE_RATE)
    assert np.array_equal(pyannote_embeddings.embeddings(loaded, windows, binary), expected, equal_nan=True)


@pytest.mark.parametrize("sound", [
    np.zeros(0), np.zeros(1), np.zeros(12 * SAMPLE_RATE),
    0.3 * np.sign(np.sin(np.arange(11 * SAMPLE_RATE) * 2 * np.pi * 440 / SAMPLE_RATE)),
    np.full(11 * SAMPLE_RATE, 1.0)], ids=["empty", "one sample", "silence", "music", "direct current"])
def test_sound_without_speech(build: Build, sound: NDArray[np.float32], recwarn: pytest.WarningsRecorder) -> None:
    folder, samples = build("community"), sound.astype(np.float32)
    stretches, heard = listened(folder, samples, 1)
    found = load(folder).conclude(len(samples), stretches, heard, NOBODY_SAID)
    assert not recwarn.list
    if not samples.any():
        assert found == Diarization()
    assert all(0 <= turn.start < turn.end <= len(samples) / SAMPLE_RATE for turn in found.turns)


def test_a_stretch_that_was_lost(build: Build) -> None:
    sound = pyannote_models.conversation(30.0, seed=6).samples
    stretches, heard = listened(build("community"), sound, 1)
    heard[1] = Heard(np.zeros_like(heard[1].activity), np.full_like(heard[1].embeddings, np.nan))
    found = load(build("community")).conclude(len(sound), stretches, heard, NOBODY_SAID)
    assert found.turns


def test_another_model_than_planned(build: Build) -> None:
    sound = pyannote_models.conversation(12.0, seed=6).samples
    (stretch,) = planned(build("random"), sound)
    with pytest.raises(ModelError, match="plan has 4 windows .* loaded model 3"):
        load(build("random")).listen(Stretch(0, 0.0, 12.0, 0, stretch.count + 1), reading(sound))


def test_the_device_is_proven(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    engine = load(build("random"))
    assert engine.device == "cpu"
    with pytest.raises(DeviceError, match="sees no GPU cuda:9"):
        Pyannote().load(DiarizerSpec("pyannote", Pyannote().find(str(build("random"))), "cuda:9"))  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="cannot run on tpu"):
        Pyannote().load(DiarizerSpec("pyannote", Pyannote().find(str(build("random"))), "tpu"))  # type: ignore[arg-type]

    def strayed(name: str, path: Path) -> Any:
        pipeline = serial.pipeline(path)
        pipeline.to = lambda device: pipeline._embedding.model_.resnet.layer3.to(torch.device("meta"))
        return pipeline

    monkeypatch.setattr(pyannote_loading, "build", strayed)
    with pytest.raises(DeviceError, match=r"module embedding\.model\.resnet\.layer3\.0\.conv1 .* on meta, not on cpu"):
        load(build("random"))
