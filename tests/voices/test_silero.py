from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.voices.serving import serving
from voicekit.errors import ModelError
from voicekit.protocols import VoiceSpec
from voicekit.spoken import SpelledWord, Voice
from voicekit.voices.silero import CIS, RATE, RUSSIAN, Silero, SileroSynthesizer

torch = pytest.importorskip("torch", reason="torch is not installed: Silero's voices cannot be loaded")

pytestmark = [pytest.mark.model,
              pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Silero's server would have."""
    from torch.package import PackageExporter

    from tests.voices import tiny_silero

    folder = tmp_path_factory.mktemp("published")
    with PackageExporter(folder / f"{RUSSIAN}.pt") as exporter:
        exporter.intern("tests.**")
        exporter.extern(["torch.**", "torch"])
        exporter.save_pickle("tts_models", "model", tiny_silero.TinySilero())
    (folder / f"{CIS}.pt").write_bytes(b"no model")
    return folder


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path))
    return tmp_path / "silero"


def voice(name: str) -> Voice:
    found = Silero().voice(name)
    assert found is not None
    return found


def loaded(published: Path, monkeypatch: pytest.MonkeyPatch, name: str = "xenia") -> SileroSynthesizer:
    with serving(published) as address:
        monkeypatch.setenv("VOICEKIT_SILERO_URL", address)
        model = Silero().fetch(voice(name))
    return Silero().load(VoiceSpec(voice(name), model))


WORDS = [SpelledWord("замок", ",", (3,)), SpelledWord("", "—"), SpelledWord("и"), SpelledWord("дом", ".")]


def test_voices_and_their_licences() -> None:
    xenia, igor = voice("xenia"), voice("ru_igor")
    assert (xenia.commercial, igor.commercial) == (False, True)
    assert ("NC" in xenia.licence, igor.licence) == (True, "MIT")
    assert Silero().default("ru") == xenia
    ukrainian = Silero().default("uk")
    assert ukrainian is not None and ukrainian.commercial
    assert Silero().default("en") is None and Silero().voice("nobody") is None


def test_a_model_is_fetched_once_into_our_folder(published: Path, models: Path, monkeypatch: pytest.MonkeyPatch,
                                                 tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Silero().find(voice("xenia")) is None
    synthesizer = loaded(published, monkeypatch)
    assert synthesizer.device == "cpu"
    found = Silero().find(voice("xenia"))
    assert found is not None and found.path == str(models / f"{RUSSIAN}.pt") and len(found.revision) == 64
    assert [path.name for path in tmp_path.iterdir()] == ["silero"]


def test_it_speaks_the_same_whatever_was_said_before(published: Path, models: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    synthesizer = loaded(published, monkeypatch)
    state = torch.get_rng_state()
    first = synthesizer.speak(WORDS, "ru")
    assert torch.equal(torch.get_rng_state(), state)
    synthesizer.speak([SpelledWord("другое")], "ru")
    again = synthesizer.speak(WORDS, "ru")
    assert np.array_equal(first.samples, again.samples)
    assert first.words == again.words
    assert (first.rate, first.samples.dtype) == (RATE, np.float32)
    assert [span is None for span in first.words] == [False, True, False, False]


def test_long_sentences_are_said_in_parts(published: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [SpelledWord("словечко", "," if number % 9 == 8 else "", (3,)) for number in range(200)]
    spoken = loaded(published, monkeypatch).speak(words, "ru")
    starts = [span.start for span in spoken.words if span is not None]
    assert len(starts) == 200 and starts == sorted(starts)
    with pytest.raises(ValueError, match="longer than"):
        loaded(published, monkeypatch).speak([SpelledWord("а" * 900)], "ru")


def test_what_cannot_be_said(published: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthesizer = loaded(published, monkeypatch)
    with pytest.raises(ValueError, match="nothing"):
        synthesizer.speak([SpelledWord("", ".")], "ru")
    with pytest.raises(ValueError, match="Silero cannot speak"):
        synthesizer.speak([SpelledWord("12")], "ru")


def test_a_file_that_is_no_model_and_a_voice_it_lacks(published: Path, models: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        loaded(published, monkeypatch, "ru_igor")
    with pytest.raises(ModelError, match="has no voice") as error:
        loaded(published, monkeypatch, "baya")
    assert "xenia" in error.value.hint


def test_offline_the_hint_names_the_file(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEKIT_SILERO_URL", "http://127.0.0.1:1")
    with pytest.raises(ModelError) as error:
        Silero().fetch(voice("xenia"))
    assert str(models / f"{RUSSIAN}.pt") in error.value.hint


def test_torch_keeps_its_gradients(published: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(published, monkeypatch).speak(WORDS, "ru")
    assert torch.is_grad_enabled()
