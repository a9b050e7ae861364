from __future__ import annotations

import pytest

from voicekit import voices
from voicekit.errors import EngineMissingError, UsageError
from voicekit.voices import espeak
from voicekit.voices.espeak import Espeak
from voicekit.voices.silero import Silero

needs_espeak = pytest.mark.skipif(espeak.library() is None, reason="espeak-ng's library is not installed")


@pytest.mark.parametrize("name", voices.names())
def test_every_adapter_is_what_it_says(name: str) -> None:
    adapter = voices.adapter(name)
    assert adapter.name == name
    assert adapter.how_to_install()
    for voice in adapter.voices():
        assert voice.engine == name
        assert voice.languages
        assert adapter.voice(voice.name) == voice


def test_an_unknown_engine_lists_those_there_are() -> None:
    with pytest.raises(UsageError) as error:
        voices.parse("festival:ru", "ru")
    assert "festival" in error.value.message
    assert all(name in error.value.hint for name in voices.names())


@needs_espeak
def test_names_and_defaults() -> None:
    assert voices.parse("espeak", None) is None
    for text, expected in (("espeak", "ru"), ("espeak:ru", "ru"), ("espeak:ru+f3", "ru+f3"), (" Espeak : RU ", "ru")):
        voice = voices.parse(text, "ru")
        assert voice is not None
        assert voice.name == expected


@needs_espeak
def test_an_unknown_voice_lists_those_that_speak_the_language() -> None:
    with pytest.raises(UsageError) as error:
        voices.parse("espeak:nobody", "ru")
    assert "espeak has no voice 'nobody'" in error.value.message
    assert "espeak:ru" in error.value.hint
    with pytest.raises(UsageError, match="no voice after the colon"):
        voices.parse("espeak:", "ru")


@needs_espeak
def test_a_voice_that_does_not_speak_the_language_lists_those_that_do() -> None:
    with pytest.raises(UsageError) as error:
        voices.parse("espeak:de", "ru")
    assert "does not speak ru" in error.value.message
    assert "espeak:ru" in error.value.hint
    with pytest.raises(UsageError) as error:
        voices.parse("espeak", "xx")
    assert "No installed voice speaks xx" in error.value.hint


def test_an_engine_that_is_missing_tells_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Silero, "installed", lambda self: False)
    with pytest.raises(EngineMissingError) as error:
        voices.parse("silero:xenia", "ru")
    assert "pip install" in error.value.hint


@needs_espeak
def test_other_speakers_get_other_voices() -> None:
    voice = voices.parse("espeak:ru", "ru")
    assert voice is not None
    found = voices.others(voice, "ru")
    assert len(found) == len(set(found)) >= 10
    assert voice not in found
    assert all("ru" in other.languages and Espeak().find(other) for other in found)


def test_the_cache_key_names_what_decides_the_words() -> None:
    assert voices.text_version("ru", stress=False) != voices.text_version("ru", stress=True) or not voices.stresses("ru")
    assert voices.text_version("en", stress=True) == voices.text_version("en", stress=False)
    assert voices.may_stress("uk") and not voices.may_stress("en")
    assert voices.stresser("en") is None
