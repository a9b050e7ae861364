"""The engine onnx: on conversations that its models understand, and against pyannote.audio with the same weights."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.models.diarization_onnx import Neural, build_neural, build_tones, conversation, load
from voicekit.diarization import clustering
from voicekit.diarization.fbank import fbank
from voicekit.diarization.onnx_engine import GRID, PER_STRETCH, Onnx, _alone, _alone_if_enough, _clusters, _nearest
from voicekit.diarization.pyannote_loading import quietly
from voicekit.protocols import Diarizer
from voicekit.protocols.diarizing import ReadSamples
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.types import Span

pytestmark = pytest.mark.model

Sound = NDArray[np.float32]
TALKS = ((1.0, 8.0, 0), (8.5, 14.0, 1), (13.0, 20.0, 0), (21.0, 30.0, 1), (31.0, 38.0, 2), (38.2, 47.0, 0),
         (46.0, 55.0, 2))
FRAME = GRID.frame_step


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tones(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def neural(tmp_path_factory: pytest.TempPathFactory) -> Neural:
    return build_neural(tmp_path_factory.mktemp("neural"))


@pytest.fixture(scope="module")
def talk() -> Sound:
    return conversation(TALKS, 60.4)


def reader(sound: Sound) -> ReadSamples:
    def read(start: int, end: int) -> Sound:
        piece = sound[start:end]
        return np.pad(piece, (0, end - start - len(piece)))

    return read


def plan(sound: Sound, spans: Sequence[Span] = ()) -> tuple[Stretch, ...]:
    return GRID.stretches(len(sound), PER_STRETCH, spans)


def listened(diarizer: Diarizer, sound: Sound, stretches: Sequence[Stretch]) -> list[Heard]:
    return [diarizer.listen(stretch, reader(sound)) for stretch in stretches]


def whole(heard: Sequence[Heard]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    return np.concatenate([each.activity for each in heard]), np.concatenate([each.embeddings for each in heard])


def diarize(folder: Path, sound: Sound, bounds: SpeakerBounds = SpeakerBounds()) -> Diarization:
    diarizer, stretches = load(folder), plan(sound)
    return diarizer.conclude(len(sound), stretches, listened(diarizer, sound, stretches), bounds)


# --- who spoke ------------------------------------------------------------------------------------

def test_a_conversation(tones: Path, talk: Sound) -> None:
    found = diarize(tones, talk)
    labels = {0: "SPEAKER_00", 1: "SPEAKER_01", 2: "SPEAKER_02"}
    assert [(turn.speaker, pytest.approx(turn.start, abs=0.04), pytest.approx(turn.end, abs=0.04))
            for turn in found.turns] == [(labels[who], start, end) for start, end, who in TALKS]
    assert not found.warnings
    assert sorted(found.voices) == sorted(labels.values())
    assert all(np.linalg.norm(voice) == pytest.approx(1) for voice in found.voices.values())
    assert all(before.end <= after.start + 1e-9 for before, after in zip(found.exclusive, found.exclusive[1:]))
    assert sum(turn.end - turn.start for turn in found.exclusive) == pytest.approx(
        sum(end - start for start, end, _ in TALKS) - 2.0, abs=0.2)  # 2 s are said by two at once


def test_bounds_change_only_the_conclusion(tones: Path, talk: Sound) -> None:
    diarizer, stretches = load(tones), plan(talk)
    heard = pickle.loads(pickle.dumps(listened(diarizer, talk, stretches)))

    def number(bounds: SpeakerBounds) -> int:
        found = diarizer.conclude(len(talk), stretches, heard, bounds)
        return len({turn.speaker for turn in found.turns})

    assert [number(SpeakerBounds(k, k)) for k in (1, 2, 3, 4)] == [1, 2, 3, 4]
    assert number(SpeakerBounds(None, 2)) == 2 and number(SpeakerBounds(2, 9)) == 3
    one = diarizer.conclude(len(talk), stretches, heard, SpeakerBounds(1, 1))
    assert sum(turn.end - turn.start for turn in one.turns) == pytest.approx(
        sum(end - start for start, end, _ in TALKS) - 2.0, abs=0.2)
    many = diarizer.conclude(len(talk), stretches, heard, SpeakerBounds(500, 500))
    assert len(many.warnings) == 1 and "of at least 500 speakers" in many.warnings[0]


def test_speech_shorter_than_what_is_clustered(tones: Path) -> None:
    """Two speakers of 1.5 s each: neither speaks for a fifth of a window."""
    found = diarize(tones, conversation([(0.5, 2.0, 1), (2.5, 4.0, 2)], 4.5))
    assert [turn.speaker for turn in found.turns] == ["SPEAKER_00", "SPEAKER_01"]
    assert found.turns[-1].end == pytest.approx(4.0, abs=0.04)


def test_turns_end_where_the_recording_does(tones: Path) -> None:
    for seconds in (0.5, 3.0, 10.0, 12.34):
        sound = conversation([(0.2, seconds, 0)], seconds)
        found = diarize(tones, sound, SpeakerBounds(1, 1))
        assert [turn.speaker for turn in found.turns] == ["SPEAKER_00"]
        assert len(sound) / 16_000 - 0.04 <= found.turns[-1].end <= len(sound) / 16_000


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(1), np.zeros(200_000),
                                   0.01 * np.random.default_rng(0).standard_normal(200_000)],
                         ids=["nothing", "a sample", "zeros", "noise"])
def test_nobody_speaks(sound: Sound, tones: Path) -> None:
    assert diarize(tones, sound.astype(np.float32)) == Diarization()


# --- the same whoever computes it -----------------------------------------------------------------

@pytest.mark.parametrize("kind", ["tones", "neural"])
def test_shares_and_threads_change_no_bit(kind: str, talk: Sound, request: pytest.FixtureRequest) -> None:
    made = request.getfixturevalue(kind)
    folder, talk = (made.folder, talk[:16_000 * 16]) if kind == "neural" else (made, talk)
    diarizer = load(folder)
    alone = listened(diarizer, talk, plan(talk))
    serial = [array.tobytes() for array in whole(alone)]
    concluded = diarizer.conclude(len(talk), plan(talk), alone, SpeakerBounds())
    for windows in (1, 2, 3, 7):  # a stretch, however long, alone and in any order
        stretches = GRID.stretches(len(talk), windows, [])
        other = load(folder)
        heard = {stretch.index: other.listen(stretch, reader(talk)) for stretch in reversed(stretches)}
        shared = [heard[stretch.index] for stretch in stretches]
        assert [array.tobytes() for array in whole(shared)] == serial
        assert diarizer.conclude(len(talk), stretches, shared, SpeakerBounds()) == concluded
    for threads in (2, 4):
        assert [array.tobytes() for array in whole(listened(load(folder, threads), talk, plan(talk)))] == serial


def test_the_same_sound_elsewhere(tones: Path, talk: Sound) -> None:
    """Nothing counts from the beginning of the recording."""
    diarizer = load(tones)
    later = np.concatenate([np.zeros(16_000 * 7, np.float32), talk])
    first = GRID.stretches(len(talk), 5, [])[2]
    moved = replace(first, start=first.start + 7, end=first.end + 7, first=first.first + 7)
    here, there = diarizer.listen(first, reader(talk)), diarizer.listen(moved, reader(later))
    assert here.activity.tobytes() == there.activity.tobytes()
    assert here.embeddings.tobytes() == there.embeddings.tobytes()


def test_the_plan(tones: Path, talk: Sound) -> None:
    found = Onnx().find(str(tones))
    assert found is not None
    stretches = Onnx().plan(found, len(talk), [Span(1, 20), Span(21, 55)])
    assert [(each.first, each.count, each.start, each.end) for each in stretches] == [
        (0, 32, 0.0, 41.0), (32, 20, 32.0, 61.0)]
    assert stretches[1].speech == (Span(32.0, 55.0),)
    assert Onnx().plan(found, 0, []) == ()


# --- pyannote.audio with the same weights ---------------------------------------------------------

def theirs(sound: Sound) -> dict[str, Any]:
    import torch

    return {"waveform": torch.from_numpy(sound)[None], "sample_rate": 16_000, "uri": "talk"}


def test_activity_is_that_of_pyannotes_inference(neural: Neural, talk: Sound) -> None:
    from pyannote.audio import Inference

    with quietly():
        expected = Inference(neural.segmentation, duration=10.0, step=1.0, skip_aggregation=True)(theirs(talk)).data
    activity, _ = whole(listened(load(neural.folder), talk, plan(talk)))
    assert activity.shape == expected.shape == (52, 589, 3)
    assert len(np.unique(activity.reshape(-1, 3), axis=0)) == 7  # all classes occur
    assert (activity == expected).all(axis=2).mean() > 0.999


def test_embeddings_are_those_of_the_network(neural: Neural, talk: Sound) -> None:
    import torch

    heard = listened(load(neural.folder), talk, plan(talk)[:1])
    activity, embeddings = whole(heard)
    compared = 0
    for window in range(0, len(activity), 6):
        features = fbank(talk[window * GRID.step:window * GRID.step + GRID.window])
        masks = _alone_if_enough(activity[window], shortest=9)
        for speaker in range(3):
            cut = (features - features.mean(axis=0))[_nearest(masks[:, speaker], len(features))]
            if len(cut) < 9:
                assert np.isnan(embeddings[window, speaker]).all()
                continue
            with torch.inference_mode():
                expected = neural.embedding.resnet(torch.from_numpy(cut)[None])[1][0].numpy()
            assert np.abs(embeddings[window, speaker] - expected).max() < 1e-3
            assert np.abs(expected).max() > 0.03
            compared += 1
    assert compared > 10


def pyannotes_pipeline(segmentation: Any, embedding: Path) -> Any:
    """With the settings of speaker-diarization-3.1."""
    from pyannote.audio.pipelines import speaker_diarization
    from pyannote.audio.pipelines.speaker_verification import ONNXWeSpeakerPretrainedSpeakerEmbedding

    with quietly(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(speaker_diarization, "get_plda", lambda *args, **more: None)  # only other clusterings need it
        made = speaker_diarization.SpeakerDiarization(
            segmentation=segmentation, embedding=segmentation, clustering="AgglomerativeClustering",
            embedding_exclude_overlap=True)
        made._embedding = ONNXWeSpeakerPretrainedSpeakerEmbedding(str(embedding))
        made.instantiate({"segmentation": {"min_duration_off": 0.0},
                          "clustering": {"method": "centroid", "min_cluster_size": 12,
                                         "threshold": 0.7045654963945799}})
    made.clustering.constrained_assignment = True
    return made


@pytest.mark.parametrize("bounds", [{}, {"num_speakers": 2}, {"max_speakers": 1}, {"min_speakers": 4}])
def test_turns_are_those_of_pyannotes_pipeline(bounds: dict[str, int], neural: Neural, tones: Path, talk: Sound) -> None:
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(tones / "segmentation.onnx", providers=["CPUExecutionProvider"])

    class Tones(type(neural.segmentation)):
        """pyannote's model of speech, but for what it hears."""

        def forward(self, waveforms: Any) -> Any:
            return torch.from_numpy(session.run(None, {"input_values": waveforms.numpy()})[0])

    segmentation = Tones()
    segmentation.specifications = neural.segmentation.specifications
    segmentation.build()
    pipeline = pyannotes_pipeline(segmentation, tones / "embedding.onnx")
    with quietly():
        expected = pipeline(theirs(talk), **bounds)
    number = bounds.get("num_speakers")
    found = diarize(tones, talk, SpeakerBounds(bounds.get("min_speakers", number), bounds.get("max_speakers", number)))

    def named(annotation: Any) -> list[tuple[float, float, str]]:
        """With names in order of first speech, and ends inside the recording."""
        turns = sorted((segment.start, min(segment.end, len(talk) / 16_000), label)
                       for segment, _, label in annotation.itertracks(yield_label=True))
        names = {label: f"SPEAKER_{place:02d}" for place, label in enumerate(dict.fromkeys(turn[2] for turn in turns))}
        return sorted((start, end, names[label]) for start, end, label in turns)

    assert [(turn.start, turn.end, turn.speaker) for turn in found.turns] == named(expected.speaker_diarization)
    # Where two are heard equally well, which of them is the exclusive one depends on their numbers.
    assert sum(turn.end - turn.start for turn in found.exclusive) == pytest.approx(sum(
        end - start for start, end, _ in named(expected.exclusive_speaker_diarization)))


@pytest.mark.parametrize("bounds", [{}, {"num_speakers": 4}])
def test_speakers_are_those_of_pyannotes_pipeline(bounds: dict[str, int], neural: Neural, tones: Path, tmp_path: Path,
                                                  talk: Sound) -> None:
    """Which speaker every local speaker is, where the segmentation changes all the time. The speakers' numbers, by which
    equals are ranked in the reconstruction, are not those of pyannote, and so neither are all the turns."""
    pipeline = pyannotes_pipeline(neural.segmentation, tones / "embedding.onnx")
    kept: dict[str, Any] = {}
    clustered = pipeline.clustering.assign_embeddings

    def keeping(*args: Any, **more: Any) -> Any:
        result = clustered(*args, **more)
        kept["clusters"] = result[0].copy()
        return result

    pipeline.clustering.assign_embeddings = keeping
    with quietly():
        pipeline(theirs(talk), hook=lambda name, made, **more: kept.update({name: made} if made is not None else {}),
                 **bounds)

    (tmp_path / "segmentation.onnx").symlink_to(neural.folder / "segmentation.onnx")
    (tmp_path / "embedding.onnx").symlink_to(tones / "embedding.onnx")
    activity, embeddings = whole(listened(load(tmp_path), talk, plan(talk)))
    assert np.array_equal(activity, kept["segmentation"].data)
    assert np.array_equal(np.isnan(embeddings), np.isnan(kept["embeddings"]))
    assert np.nanmax(np.abs(embeddings - kept["embeddings"])) < 1e-3
    speaks = activity.any(axis=1)
    number = bounds.get("num_speakers")
    found, centroids = _clusters(embeddings, speaks, _alone(activity).sum(axis=1), SpeakerBounds(number, number))
    assert centroids is not None and len(centroids) == (number or 3)
    pairs = set(zip(found[speaks].tolist(), kept["clusters"][speaks].tolist(), strict=True))
    assert len(pairs) == len(centroids)  # the same but for their numbers


def test_centroid_linkage_is_pyannotes(neural: Neural) -> None:
    from pyannote.audio.pipelines.clustering import AgglomerativeClustering

    theirs = AgglomerativeClustering().instantiate({"method": "centroid", "min_cluster_size": 12, "threshold": 0.7})
    for seed in range(20):
        random = np.random.default_rng(seed)
        centres = random.standard_normal((random.integers(1, 6), 16))
        points = np.repeat(centres, random.integers(1, 60, len(centres)), axis=0)
        points = (points + random.uniform(0.1, 0.9) * random.standard_normal(points.shape)).astype(np.float32)
        random.shuffle(points)
        expected = theirs.cluster(points.astype(np.float64), 1, len(points), None)
        found = clustering.cluster(points, SpeakerBounds(), 0.7, 12, linkage="centroid")
        pairs = set(zip(found.tolist(), expected.tolist(), strict=True))
        assert len(pairs) == len(set(found.tolist())) == len(set(expected.tolist()))  # the same but for the names


def test_alone_or_all() -> None:
    """Who speaks alone for less than an embedding needs is taken from all his speech, as pyannote does."""
    activity = np.zeros((589, 3), np.uint8)
    activity[:300, 0] = 1
    activity[200:310, 1] = 1  # alone in 10 frames only: 0.17 s
    activity[205:207, 2] = 1
    masks = _alone_if_enough(activity, shortest=9)
    assert masks.sum(axis=0).tolist() == [200, 10, 2]
    assert _alone_if_enough(activity, shortest=30).sum(axis=0).tolist() == [200, 110, 2]
    assert _alone(activity).sum(axis=0).tolist() == [200, 10, 0]


# --- on a GPU -------------------------------------------------------------------------------------

@pytest.mark.gpu
def test_on_a_gpu(neural: Neural, talk: Sound) -> None:
    stretches = plan(talk)
    on_gpu = load(neural.folder, device="cuda:0")
    assert on_gpu.device == "cuda:0"
    activity, embeddings = whole(listened(on_gpu, talk, stretches))
    expected, vectors = whole(listened(load(neural.folder), talk, stretches))
    assert (activity == expected).all(axis=2).mean() > 0.99
    same = np.isfinite(embeddings).all(axis=2) & (activity == expected).all(axis=(1, 2))[:, None]
    assert np.abs(embeddings - vectors)[same].max() < 0.05
