"""Which engine ``auto`` takes, tried on small models that lie where real ones would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import sound
from tests.commands import SHORT, run
from tests.engines.onnx_kinds import build, put_in_cache
from tests.models import pico_cases, random_whisper
from voicekit import processor
from voicekit.engines.choice import choose
from voicekit.errors import EngineMissingError, ModelError, UsageError
from voicekit.options import EngineOptions, RunOptions


WHISPER = "openvino" if processor.multiplies_in_8_bits() or processor.multiplies_in_steps() else "faster-whisper"
"""What ``auto`` takes on this machine, without a GPU."""


def cpu(adapter: object) -> tuple[str, ...]:
    return ("cpu",)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model folder, and no hub."""
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "models"


def add_whisper(models: Path, built: Path | None = None) -> None:
    folder = built or random_whisper.build_ctranslate2(models / "built")
    put_in_cache(models / "hub", "Systran/faster-whisper-small", folder)


def add_gigaam(models: Path) -> None:
    build("e2e-rnnt", models / "gigaam")
    put_in_cache(models / "hub", "istupakov/gigaam-v3-onnx", models / "gigaam")


def options(language: str | None = None, **engine: Any) -> RunOptions:
    return RunOptions(language=language, engine=EngineOptions(**engine))


def test_nothing_on_disk_and_no_hub(models: Path) -> None:
    choice = choose(options(), cpu)
    assert choice.name == "pocketsphinx" and "voicekit models fetch small" in choice.downgrades[0]
    assert "English is assumed" in choice.downgrades[1]
    assert len(choose(options("en"), cpu).downgrades) == 1
    for language in ("ru", "de"):
        with pytest.raises(ModelError, match="voicekit models fetch small"):
            choose(options(language), cpu)


def test_a_model_that_was_asked_for_is_never_replaced(models: Path) -> None:
    with pytest.raises(ModelError, match="medium"):
        choose(options("en", model="medium"), cpu)
    with pytest.raises(ModelError, match="Unknown model"):
        choose(options("en", model="enormous"), cpu)


@pytest.mark.model
def test_russian_goes_to_gigaam_where_it_is_and_everything_else_to_whisper(models: Path) -> None:
    add_whisper(models)
    assert choose(options("ru"), cpu).name == WHISPER
    add_gigaam(models)
    assert choose(options("ru"), cpu).name == "gigaam"
    assert choose(options("Russian"), cpu).name == "gigaam"
    for other in (options("en"), options(), options("ru", model="small"), RunOptions(language="ru", task="translate")):
        assert choose(other, cpu).name == WHISPER
    assert choose(options(model="gigaam-v3-e2e-rnnt"), cpu).name == "gigaam", "a model's name tells its engine"


@pytest.mark.model
@pytest.mark.parametrize("flags, expected", [
    ({"avx2", "avx512_vnni"}, "openvino"), ({"avx2"}, "openvino"), ({"avx2", "avx512f"}, "openvino"),
    ({"sse4_2"}, "faster-whisper"), (set(), "faster-whisper")])
def test_whisper_runs_where_it_is_fastest(models: Path, monkeypatch: pytest.MonkeyPatch, flags: set[str],
                                          expected: str) -> None:
    monkeypatch.setattr(processor, "flags", lambda: frozenset(flags))
    add_whisper(models)
    folder = random_whisper.build_ctranslate2(models / "mine")

    def gpu(adapter: Any) -> tuple[str, ...]:
        return ("cuda:0",) if "cuda" in adapter.profile.compute_types else ("cpu",)

    for asked in ({}, {"model": "small"}, {"model": str(folder)}, {"compute_type": "int8"}):
        assert choose(options("en", **asked), cpu).name == expected, asked
        assert choose(options("en", **asked), gpu).name == "faster-whisper", asked
    exact = "openvino" if "avx512_vnni" in flags else "faster-whisper"
    assert choose(options("en", compute_type="float32"), cpu).name == exact
    assert choose(options("en", compute_type="int8_float32"), cpu).name == "faster-whisper", "openvino has none"
    assert choose(options("en", engine="openvino"), cpu).name == "openvino"
    monkeypatch.setattr("voicekit.engines.installed", lambda name: name != "openvino")
    assert choose(options("en"), cpu).name == "faster-whisper"


def test_what_an_engine_cannot_do_is_told(models: Path) -> None:
    told = choose(RunOptions(engine=EngineOptions(engine="pocketsphinx"), beam_size=3, hotwords="river"), cpu)
    assert told.downgrades == ("pocketsphinx does not use --beam-size.", "pocketsphinx does not use --hotwords.")
    with pytest.raises(UsageError, match="does not know the language 'ru'"):
        choose(options("ru", engine="pocketsphinx"), cpu)
    with pytest.raises(UsageError, match="cannot translate"):
        choose(RunOptions(task="translate", engine=EngineOptions(engine="pocketsphinx")), cpu)
    with pytest.raises(UsageError, match="Unknown engine 'nobody'.*faster-whisper"):
        choose(options(engine="nobody"), cpu)


def test_a_missing_package_names_the_extra(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineMissingError, match=r'pip install -e "\.\[onnx\]"'):
        choose(options("ru", engine="gigaam"), cpu)
    with pytest.raises(EngineMissingError, match=r'pip install -e "\.\[openai\]"'):
        choose(options(engine="openai-whisper"), cpu)


def transcribed(models: Path, tmp_path: Path, *arguments: str, recording: Path = SHORT) -> dict[str, Any]:
    done = run(recording, *arguments, "-o", "out.json", "--overwrite", cwd=tmp_path, env={"VOICEKIT_MODELS": str(models)})
    assert done.returncode == 0, done.stderr
    return dict(json.loads((tmp_path / "out.json").read_text(encoding="utf-8")))


@pytest.mark.model
@pytest.mark.xdist_group("pico")
def test_a_recording_found_to_be_russian_goes_to_gigaam(models: Path, tmp_path: Path, pico: dict[str, Path]) -> None:
    talk = pico_cases.talk(8, ["ru"] * 4)
    path = sound.write_plain_wav(tmp_path / "talk.wav", talk.pcm())
    add_whisper(models, pico["faster-whisper int8"])
    heard = transcribed(models, tmp_path, recording=path)
    assert heard["run"]["engine"] == WHISPER and heard["language"]["code"] == "ru"
    assert heard["language"]["probability"] > 0.9
    add_gigaam(models)
    moved = transcribed(models, tmp_path, recording=path)
    assert (moved["run"]["engine"], moved["run"]["model"]) == ("gigaam", "gigaam-v3-e2e-rnnt")
    assert moved["language"] == heard["language"] and moved["segments"]
    assert transcribed(models, tmp_path, "--language", "en", recording=path)["run"]["engine"] == WHISPER
    stays = transcribed(models, tmp_path, "--engine", WHISPER, "--offline", recording=path)
    assert stays["run"]["engine"] == WHISPER and stays["segments"] == heard["segments"]


@pytest.mark.model
def test_every_engine_runs_the_whole_job(models: Path, tmp_path: Path) -> None:
    models.mkdir()
    whisper = random_whisper.build_openai(models / "openai")
    build("ctc", models / "ctc")
    build("tdt", models / "tdt")
    for engine, model in [("openai-whisper", whisper), ("gigaam", models / "ctc"), ("parakeet", models / "tdt")]:
        language = () if engine == "openai-whisper" else ("--language", "ru")
        found = transcribed(models, tmp_path, "--engine", engine, "--model", str(model), "--workers", "2", *language)
        assert found["run"]["engine"] == engine and found["run"]["device"] == "cpu"
        assert found["segments"] and all(entry["status"] == "transcribed" for entry in found["ledger"])
        assert found["segments"][0]["words"]


@pytest.mark.model
def test_what_a_worker_has_to_say_is_shown_once_and_recorded(models: Path, tmp_path: Path) -> None:
    add_whisper(models)
    done = run(SHORT, SHORT, "-o", "out.json", "--language", "en", "--initial-prompt", "and so on " * 300, "--batch-size", "1",
               cwd=tmp_path, env={"VOICEKIT_MODELS": str(models)})
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("over Whisper's limit") == 1
    (warning,) = json.loads((tmp_path / "out.json").read_text())["run"]["warnings"]
    assert "over Whisper's limit" in warning
