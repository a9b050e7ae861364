from __future__ import annotations

import dataclasses
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.diarization.d_vectors import ANY, diarize_file, engine, random_weights, reader, recorded, save
from tests.sound import noise, tone, write
from voicekit.diarization import cells
from voicekit.diarization.embedded import LONGEST_GAP, Embedded
from voicekit.diarization.sequences import likeliest
from voicekit.errors import DeviceError
from voicekit.protocols import DiarizerSpec, ModelOnDisk
from voicekit.protocols.diarizing import ReadSamples
from voicekit.running.preparation import prepare
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.types import SAMPLE_RATE, InputFile, Span, Turn


@pytest.fixture(autouse=True)
def many_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of 9 s, so that a short recording has many."""
    monkeypatch.setattr(cells, "PER_STRETCH", 22)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> ModelOnDisk:
    """Random weights, found as a file."""
    path = save(random_weights(1), tmp_path_factory.mktemp("weights") / "pretrained.pt")
    found = Embedded().find(str(path))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def long(speech: NDArray[np.int16]) -> tuple[NDArray[np.float32], tuple[Span, ...]]:
    """Speech, and spans of it, some of them short; the last one sticks out behind the end."""
    sound = np.tile(speech.astype(np.float32) / np.float32(32768), 3)
    random, spans, start = np.random.default_rng(1), [], 0.3
    while start < len(sound) / SAMPLE_RATE:
        length = random.choice([0.12, 0.35, 0.8, 2.0, 7.0])
        spans.append(Span(round(start * 16000) / 16000, round((start + length) * 16000) / 16000))
        start += length + random.uniform(0.04, 1.5)
    return sound, tuple(spans)


def heard_by(model: ModelOnDisk, stretches: tuple[Stretch, ...], read: ReadSamples, shards: int,
             threads: int = 1) -> list[Heard]:
    """Each shard has an engine of its own, and takes its stretches backwards."""
    found: dict[int, Heard] = {}
    for shard in range(shards):
        loaded = engine(model, threads)
        for stretch in reversed(stretches[shard::shards]):
            found[stretch.index] = loaded.listen(stretch, read)
    return [found[stretch.index] for stretch in stretches]


def test_shards_change_no_bit(drawn: ModelOnDisk, long: tuple[NDArray[np.float32], tuple[Span, ...]]) -> None:
    sound, spans = long
    stretches = Embedded().plan(drawn, len(sound), spans)
    assert len(stretches) >= 7
    serial = heard_by(drawn, stretches, reader(sound), 1)
    expected = engine(drawn).conclude(len(sound), stretches, serial, ANY)
    assert expected.turns
    for shards in (2, 3, 7):
        found = heard_by(drawn, stretches, reader(sound), shards)
        for one, other in zip(serial, found, strict=True):
            assert one.embeddings.tobytes() == other.embeddings.tobytes(), shards
            assert one.activity.tobytes() == other.activity.tobytes(), shards
        assert engine(drawn).conclude(len(sound), stretches, found, ANY) == expected, shards


def test_neither_threads_nor_the_length_of_stretches_change_a_bit(
        drawn: ModelOnDisk, long: tuple[NDArray[np.float32], tuple[Span, ...]],
        monkeypatch: pytest.MonkeyPatch) -> None:
    sound, spans = long
    stretches = Embedded().plan(drawn, len(sound), spans)
    many = heard_by(drawn, stretches, reader(sound), 1)
    expected = engine(drawn).conclude(len(sound), stretches, many, ANY)
    monkeypatch.setattr(cells, "PER_STRETCH", 10_000)  # so long that there are many batches for many threads
    stretches = Embedded().plan(drawn, len(sound), spans)
    for threads in (1, 2, 4):
        (one,) = heard_by(drawn, stretches, reader(sound), 1, threads)
        assert np.array_equal(np.concatenate([each.embeddings for each in many]), one.embeddings, equal_nan=True)
        assert np.array_equal(np.concatenate([each.activity for each in many]), one.activity)
        assert engine(drawn, threads).conclude(len(sound), stretches, [one], ANY) == expected


def test_only_the_sound_of_a_stretch_decides(drawn: ModelOnDisk,
                                             long: tuple[NDArray[np.float32], tuple[Span, ...]]) -> None:
    """The same sound at another place of another recording is heard as the same."""
    sound, spans = long
    first, second, *_ = Embedded().plan(drawn, len(sound), spans)
    for stretch in (first, second):
        start, end = round(stretch.start * SAMPLE_RATE), round(stretch.end * SAMPLE_RATE)
        alone = np.zeros_like(sound)
        alone[start:end] = sound[start:end]
        here = engine(drawn).listen(stretch, reader(alone))
        assert np.array_equal(here.embeddings, engine(drawn).listen(stretch, reader(sound)).embeddings, equal_nan=True)
    moved = dataclasses.replace(second, index=5, start=second.start + 40, end=second.end + 40, first=second.first + 100,
                                speech=tuple(Span(span.start + 40, span.end + 40) for span in second.speech))
    there = engine(drawn).listen(moved, reader(np.concatenate([np.zeros(40 * SAMPLE_RATE, np.float32), sound])))
    assert np.array_equal(here.embeddings, there.embeddings, equal_nan=True)
    assert np.array_equal(here.activity, engine(drawn).listen(second, reader(sound)).activity)


def test_cells_look_at_one_span_of_speech() -> None:
    spans = np.array([[1_000, 60_000], [62_000, 70_000], [70_500, 71_000], [100_000, 140_000]])
    laid = cells.lay(spans, 0, 25)
    for cell, span in enumerate(laid.span.tolist()):
        begin = cell * cells.STEP
        if span < 0:
            continue
        start, stop = int(laid.start[cell]), int(laid.stop[cell])
        assert spans[span][0] <= start < stop <= spans[span][1]
        assert begin - cells.REACH <= start and stop <= begin + cells.STEP + cells.REACH
        first, last = max(spans[span][0], begin - cells.REACH), min(spans[span][1], begin + cells.STEP + cells.REACH)
        assert stop - start == min(25_600, (last // 160 - -(-first // 160)) * 160)
        assert start % 160 == stop % 160 == 0
    assert laid.span[[0, 8, 10, 11, 12, 14, 16]].tolist() == [0, 0, 1, -1, -1, -1, 3]


def test_speech_is_put_together_again(long: tuple[NDArray[np.float32], tuple[Span, ...]]) -> None:
    sound, spans = long
    stretches = cells.stretches(len(sound), spans)
    assert [stretch.first for stretch in stretches[1:]] == [a.first + a.count for a in stretches[:-1]]
    assert sum(stretch.count for stretch in stretches) == cells.count(len(sound))
    expected = np.minimum(cells.in_samples(spans), round(stretches[-1].end * SAMPLE_RATE))
    assert np.array_equal(cells.speech_of(stretches), expected)
    assert cells.stretches(0, ()) == ()


def test_speakers_change_where_it_pays() -> None:
    scores = np.zeros((9, 2))
    scores[:, 0] = 0.5
    scores[3, 1] = 0.7
    scores[6:, 1] = 0.7
    assert likeliest(scores, np.full(9, 0.25)).tolist() == [0] * 6 + [1] * 3
    assert likeliest(scores, np.full(9, 0.05)).tolist() == [0, 0, 0, 1, 0, 0, 1, 1, 1]
    assert likeliest(scores[:1], np.zeros(1)).tolist() == [0]
    random = np.random.default_rng(3)
    scores, change = random.normal(size=(7, 3)), random.uniform(0, 1, 7)
    best = max((tuple(int(index) // 3 ** place % 3 for place in range(7)) for index in range(3 ** 7)),
               key=lambda path: sum(scores[cell, path[cell]] - change[cell] * (cell > 0 and path[cell] != path[cell - 1])
                                    for cell in range(7)))
    assert tuple(likeliest(scores, change).tolist()) == best


def made_of(plan: list[tuple[float, float, int]], seconds: float, spread: float = 0.02) -> tuple[
        int, tuple[Stretch, ...], list[Heard]]:
    """What would be heard of speakers who differ clearly; (start, end, speaker) in order of time."""
    random, voices = np.random.default_rng(5), np.eye(40, 256)
    samples = round(seconds * SAMPLE_RATE)
    stretches = cells.stretches(samples, [Span(start, end) for start, end, _ in plan])
    laid = cells.lay(cells.speech_of(stretches), 0, cells.count(samples))
    found = voices[np.array([plan[span][2] if span >= 0 else 0 for span in laid.span])]
    found = (found + spread * random.normal(size=found.shape)).astype(np.float32)
    found[laid.span < 0] = np.nan
    return samples, stretches, [
        Heard(np.zeros((stretch.count, 20, 1), np.uint8), found[stretch.first:stretch.first + stretch.count, None])
        for stretch in stretches]


def test_turns_are_the_spans_of_speech_with_short_pauses_filled(drawn: ModelOnDisk) -> None:
    plan = [(1.0, 4.0, 7), (4.2, 8.0, 7), (8.2, 12.0, 2), (12.0 + LONGEST_GAP + 0.1, 20.0, 2), (20.3, 30.0, 7)]
    found = engine(drawn).conclude(*made_of(plan, 30.0), ANY)
    assert found.turns == found.exclusive == (
        Turn(1.0, 8.0, "SPEAKER_00"), Turn(8.2, 12.0, "SPEAKER_01"), Turn(12.0 + LONGEST_GAP + 0.1, 20.0, "SPEAKER_01"),
        Turn(20.3, 30.0, "SPEAKER_00"))
    assert list(found.voices) == ["SPEAKER_00", "SPEAKER_01"] and not found.warnings
    assert np.argmax(found.voices["SPEAKER_00"]) == 7
    assert np.linalg.norm(found.voices["SPEAKER_01"]) == pytest.approx(1.0)


def test_a_word_too_short_to_tell_goes_to_its_neighbour(drawn: ModelOnDisk) -> None:
    plan = [(1.0, 10.0, 0), (10.1, 10.25, 0), (14.0, 24.0, 1)]
    found = engine(drawn).conclude(*made_of(plan, 24.0), ANY)
    assert found.turns == (Turn(1.0, 10.25, "SPEAKER_00"), Turn(14.0, 24.0, "SPEAKER_01"))


def test_bounds_and_what_cannot_be(drawn: ModelOnDisk) -> None:
    plan = [(10.0 * index, 10.0 * index + 9.0, index % 5) for index in range(20)]
    made, loaded = made_of(plan, 200.0), engine(drawn)
    for least, most, expected in ((None, None, 5), (5, 5, 5), (2, 2, 2), (1, 3, 3), (1, 1, 1), (8, 8, 8), (6, None, 6)):
        found = loaded.conclude(*made, SpeakerBounds(least, most))
        assert len({turn.speaker for turn in found.turns}) == len(found.voices) == expected, (least, most)
        assert not found.warnings
    found = loaded.conclude(*made_of([(0.0, 1.0, 0)], 2.0), SpeakerBounds(4, 4))
    assert 1 <= len(found.voices) < 4 and "of at least 4 speakers" in found.warnings[0]


def test_thirty_speakers(drawn: ModelOnDisk) -> None:
    plan = [(6.0 * index, 6.0 * index + 5.0, index % 30) for index in range(90)]
    assert len(engine(drawn).conclude(*made_of(plan, 540.0), ANY).voices) == 30


@pytest.mark.slow
def test_twelve_hours_take_less_than_a_gigabyte(drawn: ModelOnDisk) -> None:
    plan = [(7.0 * index, 7.0 * index + 6.5, index * index % 7) for index in range(6170)]
    made = made_of(plan, 12 * 3600.0, spread=0.05)
    tracemalloc.start()
    found = engine(drawn).conclude(*made, ANY)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.voices) == 4, "squares leave four remainders"
    assert peak < 1e9


def test_without_speech_there_is_nobody(drawn: ModelOnDisk, tmp_path: Path) -> None:
    loaded = engine(drawn)
    assert loaded.conclude(0, (), (), ANY) == Diarization()
    music = sum(tone(6.0, frequency=220.0 * 2 ** (step / 12), level=0.1) for step in (0, 4, 7, 12))
    for name, sound in (("music", music), ("noise", noise(1, 6.0, level=0.02)), ("short", tone(0.3))):
        assert diarize_file(write(tmp_path / f"{name}.wav", sound), drawn, tmp_path) == Diarization(), name
    asked = loaded.conclude(16_000, cells.stretches(16_000, ()), [
        Heard(np.zeros((3, 20, 1), np.uint8), np.full((3, 1, 256), np.nan, np.float32))], SpeakerBounds(2, 2))
    assert not asked.turns


def test_speech_of_a_moment(drawn: ModelOnDisk, speech: NDArray[np.int16]) -> None:
    sound = speech[16_000:20_800].astype(np.float32) / np.float32(32768)
    for spans in ((Span(0.0, 0.3),), (Span(0.1, 0.15),)):
        stretches = Embedded().plan(drawn, len(sound), spans)
        heard = heard_by(drawn, stretches, reader(sound), 1)
        found = engine(drawn).conclude(len(sound), stretches, heard, ANY)
        assert found.turns == (Turn(spans[0].start, spans[0].end, "SPEAKER_00"),)
        assert len(found.voices) == (spans[0].end == 0.3), "a twentieth of a second does not tell how he sounds"


def test_one_synthetic_speaker_is_one(d_vector: ModelOnDisk, tmp_path: Path) -> None:
    from tests.commands import SHORT

    prepared = prepare(InputFile(SHORT, SHORT.name), tmp_path)
    stretches = Embedded().plan(d_vector, prepared.recording.samples, prepared.spans)
    heard = heard_by(d_vector, stretches, recorded(prepared.recording), 1)
    found = engine(d_vector).conclude(prepared.recording.samples, stretches, heard, ANY)
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00"}
    assert all(turn.end <= prepared.recording.source.duration for turn in found.turns)


def test_other_devices_are_refused(drawn: ModelOnDisk) -> None:
    with pytest.raises(DeviceError) as error:
        Embedded().load(DiarizerSpec("embedded", drawn, "cuda:0"))
    assert "--device cpu" in error.value.hint
