"""The main job with a real Whisper: words, times and languages of whole recordings, whatever the cutting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import sound
from tests.commands import run
from tests.models import measure_cuts, measure_pico, pico_cases, pico_grammar, pico_sound
from tests.models.measure_cuts import LENGTHS, Heard
from tests.models.measure_pico import plain, word_errors
from tests.models.pico_cases import Talk
from tests.models.pico_sound import RATE
from tests.test_same_words import check_ledger, check_same
from voicekit.types import Window, Word

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("pico recordings")]

ENGINES = {"faster-whisper": "faster-whisper int8", "openvino": "openvino int8", "openai-whisper": "openai-whisper"}


@pytest.fixture(scope="session")
def conversation() -> Talk:
    """Five minutes of two people who talk in turn."""
    return pico_cases.conversation(1, 300, "en")


def transcript_of(path: Path, model: Path, folder: Path, *options: str) -> dict[str, Any]:
    done = run(path, "--model", str(model), "-o", "out.json", "--overwrite", *options, cwd=folder, timeout=900)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    return found


def words_of(transcript: dict[str, Any]) -> list[Word]:
    return [Word(word["start"], word["end"], word["word"], word["probability"])
            for segment in transcript["segments"] for word in segment["words"]]


def text_of(transcript: dict[str, Any]) -> list[str]:
    return [word for segment in transcript["segments"] for word in plain(segment["text"])]


@pytest.mark.parametrize("engine", ENGINES)
def test_five_minutes_are_the_same_and_right(tmp_path: Path, conversation: Talk, pico: dict[str, Path], engine: str) -> None:
    path = sound.write_plain_wav(tmp_path / "talk.wav", conversation.pcm())
    found = check_same(path, tmp_path, "--engine", engine, "--model", str(pico[ENGINES[engine]]), "--language", "en",
                       at_least=10)["json"]
    check_ledger(found)
    assert word_errors([conversation.text], [text_of(found)]) <= 0.05
    check_times(conversation, found)


def test_cutting_costs_no_words(tmp_path: Path, pico: dict[str, Path]) -> None:
    """As many errors beside the cuts as elsewhere, and as in the same words where they are not cut.

    But for what chance does to so many words, whose errors come a few at a time. That such a test can fail is shown
    by cutting every 30 s, come what may.
    """
    engine = measure_pico.load("faster-whisper int8", pico["faster-whisper int8"])
    ours: list[list[Heard]] = []
    blind: list[list[Heard]] = []
    for language, seed in (("en", 1), ("en", 2), ("ru", 1), ("ru", 2)):
        talk = pico_cases.conversation(seed, 600, language)
        ready = measure_cuts.prepared(talk, tmp_path)
        ours.append(measure_cuts.heard(engine, talk, language, ready, [ready.windows(length) for length in LENGTHS]))
        if seed > 1:
            continue
        starts = np.arange(0, ready.recording.source.duration, 30)
        every = [Window(i, start, min(start + 30, ready.recording.source.duration), ()) for i, start in enumerate(starts)]
        blind.append(measure_cuts.heard(engine, talk, language, ready, [every]))
    found = measure_cuts.compare(ours)
    assert found.beside.words > 4000 and found.cut.words > 3000
    chance = 2 * np.sqrt(3 * found.elsewhere.rate / found.cut.words)
    assert chance < 0.02
    assert found.beside.rate <= found.elsewhere.rate + chance, str(found)
    assert found.cut.rate <= found.uncut / found.cut.words + chance, str(found)
    cut_blindly = measure_cuts.compare(blind)
    assert cut_blindly.beside.rate > cut_blindly.elsewhere.rate + 3 * chance, str(cut_blindly)


def check_times(talk: Talk, transcript: dict[str, Any]) -> None:
    """Words begin when they are said, in the last minute as in the first."""
    delays = measure_pico.late(talk.words, words_of(transcript))
    assert measure_pico.close(delays) >= 0.9
    last = talk.words[-1][2]
    first_minute, last_minute = ([delay for time, delay in delays if begin <= time < begin + 60]
                                 for begin in (0, last - 60))
    assert len(first_minute) > 60 and len(last_minute) > 60
    assert measure_pico.close([(0, delay) for delay in last_minute]) >= 0.85
    assert abs(float(np.median(last_minute)) - float(np.median(first_minute))) < 0.03, "no drift"


@pytest.mark.parametrize("before", ["silence", "music"])
def test_forty_seconds_before_the_first_word(tmp_path: Path, pico: dict[str, Path], before: str) -> None:
    talk = pico_cases.talk(2, ["ru"] * 12, voices=["ru+Andrea"])
    music = pico_sound.music(3, 40 * RATE) * np.float32(0.3)
    start = music if before == "music" else np.zeros(40 * RATE, np.float32)
    samples = np.concatenate([start, talk.samples])
    path = sound.write_plain_wav(tmp_path / "late.wav", np.round(samples * 32767).astype(np.int16))
    found = transcript_of(path, pico["faster-whisper int8"], tmp_path)
    assert found["language"]["code"] == "ru"
    # Up to half a second of the music stays before the first word: five words of the first sentence are wrong.
    assert word_errors([talk.text], [text_of(found)]) <= 0.08
    assert found["segments"][0]["start"] >= 39.5, "nothing is said before"
    moved = [(word, start + 40, end + 40) for word, start, end in talk.words]
    assert measure_pico.close(measure_pico.late(moved, words_of(found))) >= 0.85


@pytest.mark.parametrize("engine", ENGINES)
def test_an_english_sentence_before_a_russian_talk(tmp_path: Path, pico: dict[str, Path], engine: str) -> None:
    talk = pico_cases.talk(4, ["en", *["ru"] * 14], pause=(0.8, 1.5))
    path = sound.write_plain_wav(tmp_path / "mixed.wav", talk.pcm())
    found = transcript_of(path, pico[ENGINES[engine]], tmp_path, "--engine", engine)
    assert found["language"]["code"] == "ru"
    english = len(talk.sentences[0].words("en"))
    said = [word for word in text_of(found) if word in pico_grammar.vocabulary("ru")]
    assert word_errors([talk.text[english:]], [said]) <= 0.08


@pytest.fixture(scope="module")
def russian(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Talk]:
    """Ten Russian sentences."""
    talk = pico_cases.talk(6, ["ru"] * 10, noisy=False)
    return sound.write_plain_wav(tmp_path_factory.mktemp("russian") / "talk.wav", talk.pcm()), talk


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("option", ["--initial-prompt", "--hotwords"])
def test_prompts_on_the_command_line(tmp_path: Path, pico: dict[str, Path], russian: tuple[Path, Talk], option: str,
                                     engine: str) -> None:
    """Only the engine in its worker can know that a prompt is too long: so it got there."""
    path, talk = russian
    common = (path, pico[ENGINES[engine]], tmp_path, "--engine", engine, "--language", "ru", option)
    short, long = (transcript_of(*common, text) for text in ("мой старый друг", "мой старый друг " * 120))
    assert word_errors([talk.text], [text_of(short)]) <= 0.10
    assert not any("prompt" in warning for warning in short["run"]["warnings"])
    assert any("limit of 223" in warning for warning in long["run"]["warnings"])


@pytest.mark.parametrize("engine", ENGINES)
def test_translating_on_the_command_line(tmp_path: Path, pico: dict[str, Path], russian: tuple[Path, Talk],
                                         engine: str) -> None:
    path, talk = russian
    found = transcript_of(path, pico[ENGINES[engine]], tmp_path, "--engine", engine, "--language", "ru", "--task", "translate")
    english = [word for sentence in talk.sentences for word in sentence.words("en")]
    assert word_errors([english], [text_of(found)]) <= 0.15


def test_batches_on_the_command_line_change_no_word(tmp_path: Path, pico: dict[str, Path], conversation: Talk) -> None:
    path = sound.write_plain_wav(tmp_path / "talk.wav", conversation.pcm()[:240 * RATE])
    found = [transcript_of(path, pico["faster-whisper int8"], tmp_path, "--language", "en", "--batch-size", size,
                           "--beam-size", "2") for size in ("1", "3", "16")]
    assert [one["run"]["options"]["batch_size"] for one in found] == [1, 3, 16]
    assert found[0]["segments"] == found[1]["segments"] == found[2]["segments"]
