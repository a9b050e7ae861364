"""The targets, on real recordings; ``python -m tests.diarization.measure_embedded`` shows all figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diarization.conversations import of_librispeech, speakers
from tests.diarization.d_vectors import ANY, diarize_file, error_rates, read_rttm
from tests.sound import write
from voicekit.protocols import ModelOnDisk
from voicekit.speakers import SpeakerBounds

pytestmark = pytest.mark.eval
pytest.importorskip("pyannote.metrics")


@pytest.mark.parametrize(("name", "number", "seconds", "highest"), [("sim2", 2, 151.5, 0.17), ("sim4", 4, 221.0, 0.18)])
@pytest.mark.filterwarnings("ignore")  # of pyannote.metrics
def test_conversations(name: str, number: int, seconds: float, highest: float, evaluation: Path, d_vector: ModelOnDisk,
                       tmp_path: Path) -> None:
    folder = evaluation / "diarization"
    found = diarize_file(folder / f"{name}.flac", d_vector, tmp_path)
    rates = error_rates(read_rttm(folder / f"{name}.rttm"), found.turns, seconds)
    assert len(found.voices) == number
    assert rates["DER"] <= highest and rates["confusion"] <= 0.02, rates


@pytest.mark.filterwarnings("ignore")
def test_ten_speakers_that_nothing_was_tuned_on(evaluation: Path, d_vector: ModelOnDisk, tmp_path: Path) -> None:
    _, held_out = speakers(evaluation)
    for seed in (1, 2):
        made = of_librispeech(evaluation, held_out, seed, tmp_path)
        path = write(tmp_path / f"{seed}.wav", made.samples)
        found = diarize_file(path, d_vector, tmp_path)
        assert abs(len(found.voices) - 10) <= 1, seed
        rates = error_rates(made.turns, found.turns, len(made.samples) / 16_000)
        assert rates["DER"] <= 0.18, (seed, rates)
        assert len(diarize_file(path, d_vector, tmp_path, SpeakerBounds(10, 10)).voices) == 10


def test_one_reader_of_many_sentences_is_one(evaluation: Path, d_vector: ModelOnDisk, tmp_path: Path) -> None:
    found = diarize_file(evaluation / "asr" / "lj050_0159-0268.flac", d_vector, tmp_path, ANY)
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00"}


def test_thirty_speakers_are_many(evaluation: Path, d_vector: ModelOnDisk, tmp_path: Path) -> None:
    tuned, _ = speakers(evaluation)
    made = of_librispeech(evaluation, tuned[150:180], 2, tmp_path)  # none of those that were tuned on
    found = diarize_file(write(tmp_path / "thirty.wav", made.samples), d_vector, tmp_path)
    assert 24 <= len(found.voices) <= 33


def test_a_noise_that_is_taken_for_speech_is_one_speaker_at_most(evaluation: Path, d_vector: ModelOnDisk,
                                                                 tmp_path: Path) -> None:
    found = diarize_file(evaluation / "asr" / "silence.wav", d_vector, tmp_path)
    assert len({turn.speaker for turn in found.turns}) <= 1 and sum(turn.end - turn.start for turn in found.turns) < 1
