"""What may be asked about speakers, and what makes no sense."""

from __future__ import annotations

import pytest

from voicekit.errors import UsageError
from voicekit.options import RunOptions, SpeakerOptions, StoreOptions
from voicekit.speakers import SpeakerBounds


@pytest.mark.parametrize(("asked", "bounds"), [
    ({}, SpeakerBounds(None, None)),
    ({"speakers": 3}, SpeakerBounds(3, 3)),
    ({"min_speakers": 2}, SpeakerBounds(2, None)),
    ({"min_speakers": 2, "max_speakers": 5}, SpeakerBounds(2, 5)),
])
def test_bounds(asked: dict[str, int], bounds: SpeakerBounds) -> None:
    assert SpeakerOptions("auto", **asked).bounds == bounds
    assert bounds.exactly == asked.get("speakers")


@pytest.mark.parametrize(("asked", "message"), [
    ({"speakers": 0}, "--speakers must be from 1"),
    ({"speakers": 101}, "--speakers must be from 1"),
    ({"min_speakers": -1}, "--min-speakers must be from 1"),
    ({"min_speakers": 3, "max_speakers": 2}, "is more than --max-speakers 2"),
    ({"speakers": 2, "max_speakers": 2}, "--speakers is the number itself"),
    ({"names": ("Anna", "Anna")}, "has an empty name, or one twice"),
    ({"names": ("Anna", "SPEAKER_01=Anna")}, "has an empty name, or one twice"),
    ({"known": (), "known_threshold": 1.5}, "a cosine"),
    ({"known_threshold": 0.5}, "no --known-speakers asks"),
])
def test_nonsense_is_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        SpeakerOptions("auto", **asked)  # type: ignore[arg-type]
    assert message in caught.value.message


@pytest.mark.parametrize("asked", [{"speakers": 2}, {"min_speakers": 1}, {"names": ("Anna",)}, {"known": ()}])
@pytest.mark.parametrize("diarize", [None, "off"])
def test_what_says_who_speaks_needs_somebody_to_listen(asked: dict[str, object], diarize: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        SpeakerOptions(diarize, **asked)  # type: ignore[arg-type]
    assert caught.value.hint == "Add --diarize."


@pytest.mark.parametrize(("asked", "message"), [
    ({"diarize": "pyannote"}, "needs no --diarize engine"),
    ({"speakers": 2}, "as many speakers as channels"),
    ({"known": ()}, "knows nobody by his voice"),
])
def test_channels_are_told_apart_by_nobody(asked: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        SpeakerOptions(channels=True, **asked)  # type: ignore[arg-type]
    assert message in caught.value.message


def test_an_engine_and_its_model() -> None:
    assert (SpeakerOptions("pyannote:/models/x:y").engine, SpeakerOptions("pyannote:/models/x:y").model) == ("pyannote", "/models/x:y")
    assert (SpeakerOptions("auto").engine, SpeakerOptions("auto").model) == ("auto", None)
    assert SpeakerOptions(channels=True).engine == "channels" and SpeakerOptions(channels=True).wanted
    assert not SpeakerOptions("off").wanted


def test_a_token_is_not_printed() -> None:
    assert "secret" not in repr(RunOptions(speakers=SpeakerOptions("pyannote", token="secret")))


def test_words_get_times_where_speakers_are_wanted() -> None:
    assert not RunOptions("fast").decoding().word_timestamps
    assert RunOptions("fast", speakers=SpeakerOptions("auto")).decoding().word_timestamps
    assert not RunOptions("fast", speakers=SpeakerOptions("auto"), word_timestamps=False).decoding().word_timestamps


@pytest.mark.parametrize("store", [StoreOptions(since="diarize"), StoreOptions(until="diarize")])
def test_the_stage_is_there_only_where_it_is_done(store: StoreOptions) -> None:
    with pytest.raises(UsageError):
        RunOptions(store=store)
    RunOptions(store=store, speakers=SpeakerOptions("auto"))
