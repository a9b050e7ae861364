"""The page as text: what is in it, what it weighs, and that every transcript makes a sound one."""

from __future__ import annotations

import json
import random
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import voicekit
from tests.formats.report import recordings
from tests.formats.transcripts import random_transcript, transcript, word
from voicekit import formats
from voicekit.formats.report import Material, Track, ledger, making, page, passages, speaking, timeline
from voicekit.formats.report.content import page_data
from voicekit.options import SubtitleOptions
from voicekit.provenance import TimelineEntry
from voicekit.types import Language, LedgerEntry, Segment, Source, Transcript, Turn

ROOT = Path(__file__).parents[3]
VOID = {"meta", "br", "input", "link", "img", "hr"}


class Outline(HTMLParser):
    """Elements of a page, which have to be closed in the order they were opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words = 0
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        self.tags.append((tag, known))
        if known.get("id"):
            self.ids.append(str(known["id"]))
        self.words += tag == "span" and bool(self.open) and self.tags_open[-1].get("class") == "seg"
        if tag not in VOID:
            self.open.append(tag)
            self.tags_open.append(known)

    @property
    def tags_open(self) -> list[dict[str, str | None]]:
        if not hasattr(self, "_tags_open"):
            self._tags_open: list[dict[str, str | None]] = []
        return self._tags_open

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.tags_open.pop()

    def handle_data(self, data: str) -> None:
        if self.tags_open and self.tags_open[-1].get("id") == "data":
            self.data += data


def test_an_hour_weighs_less_than_two_megabytes() -> None:
    made = recordings.talk(3600)
    assert len(made.words) > 9000 and len(recordings.material(made).tracks[0].levels) == 72000
    plain = len(page(made, recordings.material(made)).encode("utf-8"))
    assert plain < 700_000
    both = page(made, recordings.material(made, new_voice=True), recordings.voicing(made))
    assert len(both.encode("utf-8")) < 1_400_000
    russian = recordings.talk(3600, sentences=recordings.RUSSIAN)
    assert len(page(russian, recordings.material(russian)).encode("utf-8")) < 1_000_000


@pytest.mark.parametrize("seed", range(40))
def test_every_transcript_makes_a_sound_page(seed: int) -> None:
    made = random_transcript(random.Random(seed))
    outline = Outline(page(made, Material((Track("x", "", (0, 300, -3)),))))
    data = json.loads(outline.data)
    assert len(outline.ids) == len(set(outline.ids))
    assert sum(data["segments"][3::5]) == outline.words
    assert len(data["segments"]) == 5 * len(made.segments)
    assert len(data["words"]) == 2 * sum(data["segments"][at + 3] for at in range(0, len(data["segments"]), 5)
                                         if data["segments"][at + 4])
    assert not any(name.startswith("on") or name == "style" for _, known in outline.tags for name in known)


def test_times_come_back() -> None:
    made = recordings.talk(120)
    data = json.loads(Outline(page(made)).data)
    start, starts = 0, []
    for step in data["words"][::2]:
        start += step
        starts.append(start / 1000)
    assert starts == pytest.approx([one.start for one in made.words], abs=0.0006)


def test_a_bad_time_costs_nothing_but_itself() -> None:
    nan, inf = float("nan"), float("inf")
    made = transcript(Segment(nan, inf, "a b", (word(" a", nan, inf, nan), word(" b", -3, 1, 7.0)), "A"),
                      source=Source("x", nan, ""), turns=(Turn(nan, inf, "A"),),
                      ledger=(LedgerEntry(nan, inf, 0, "failed", "x"),), language=Language("en", nan))
    made = replace(made, run=replace(made.run, wall_seconds=nan, timeline=(
        TimelineEntry("transcribe", nan, inf, nan, inf, 0, 0, 0),)))
    assert Outline(page(made, Material((Track("x", "", (), (nan, 3), (nan, -200.0, 5.0)),)))).words == 2  # type: ignore[arg-type]


def test_empty_and_bare_transcripts() -> None:
    empty = transcript(ledger=())
    text = page(empty)
    assert "Nobody says anything" in text and "No speech was found" in text
    for absent in ('id="speakers"', 'id="timeline"', 'id="voice"', 'id="speaker"', "Shade unsure words"):
        assert absent not in text
    bare = transcript(Segment(0, 1, "Two words"), language=Language("und"))
    assert " lang=" not in passages.render(bare, {}) and "Words have no times" in page(bare)


def test_half_surrogates_and_controls_do_not_reach_the_file() -> None:
    made = transcript(Segment(0, 1, "a\ud800\x00b", speaker="\udfff\u202eX"))
    text = formats.render(made, "html", SubtitleOptions())
    assert text == page(made) and text.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)


def test_passages() -> None:
    made = transcript(
        Segment(0, 1, "One.", speaker="A"), Segment(1.1, 2, "Two.", speaker="A"), Segment(2, 3, "Three.", speaker="B"),
        Segment(6, 7, "After a pause.", speaker="B"), Segment(7, 8, "שלום", speaker="B"),
        Segment(8.5, 9, "Later.", speaker="B"), Segment(9.1, 10, "Behind a gap.", speaker="B"),
        ledger=(LedgerEntry(9.05, 9.06, 1, "failed", "why"), LedgerEntry(9.06, 9.08, 1, "failed", "why")))
    assert [(one.first, one.last, one.rtl) for one in passages.passages(made)] == [
        (0, 2, False), (2, 3, False), (3, 4, False), (4, 5, True), (5, 6, False), (6, 7, False)]
    text = passages.render(made, {"A": 0, "B": 1})
    assert text.count('class="gap"') == 1, "the entries of one window are one gap"
    assert text.index("Later.") < text.index('class="gap"') < text.index("Behind")
    chinese = transcript(Segment(0, 1, "你好。", speaker="A"), Segment(1, 2, "再见。", speaker="A"))
    assert "</span></span><span" in passages.render(chinese, {"A": 0}), "no space between Chinese sentences"


def test_a_lecture_has_times_to_hold_on_to() -> None:
    made = transcript(*[Segment(at * 5.0, at * 5 + 5.0, "On and on.", speaker="A") for at in range(60)])
    assert 5 <= len(passages.passages(made)) <= 8


def test_probabilities_that_say_nothing_shade_nothing() -> None:
    def marks(*probabilities: float) -> list[str]:
        words = tuple(word(f" w{number}", number, number + 1, one) for number, one in enumerate(probabilities))
        return re.findall(r"class=(p\d)", passages.render(transcript(Segment(0, 9, "w", words)), {}))

    assert marks(0.9, 0.65, 0.45, 0.1) == ["p1", "p2", "p3"]
    assert marks(0.0, 0.0, 0.0) == marks(1.0, 1.0) == [], "an engine without probabilities gives all words the same"


def test_speaking_time() -> None:
    made = transcript(Segment(0, 4, "a b c", speaker="A"), Segment(4, 6, "d", speaker="B"),
                      turns=(Turn(3, 6, "B"), Turn(0, 3, "A"), Turn(2, 4, "A")))
    first, second = speaking.shares(made)
    assert (first.speaker, first.seconds, first.turns, first.words) == ("A", 4.0, 2, 3)
    assert (second.speaker, second.seconds, second.turns, second.words) == ("B", 3.0, 1, 1)
    assert first.share + second.share == pytest.approx(1.0)
    assert speaking.overlapped(speaking.turns_of(made)) == 1.0
    assert [one.seconds for one in speaking.shares(replace(made, turns=()))] == [4.0, 2.0], "from the segments"


def test_the_ledger() -> None:
    made = recordings.talk(900)
    text = ledger.section(made)
    assert text.count('<tr class="failed">') == 2 and text.count('<tr class="empty">') == 4
    assert "ValueError: &lt;no frames&gt; &amp; nothing else" in text
    assert "could not be transcribed" in ledger.notice(made)
    well = replace(made, ledger=tuple(one for one in made.ledger if one.status == "transcribed"))
    assert "Nothing was left out" in ledger.section(well) and ledger.notice(well) == ""


def test_the_timeline_shows_batches_as_one() -> None:
    entries = [TimelineEntry("transcribe", at * 30.0, at * 30 + 30.0, 1.0, 5.0, 0, at, 0) for at in range(4)]
    entries += [TimelineEntry("transcribe", 120.0, 150.0, 1.0, 2.0, 1, 4, 4, "lost"),
                TimelineEntry("transcribe", 150.0, 180.0, 0.5, 0.5, None, 5, 5, "found"),
                TimelineEntry("transcribe", 180.0, 210.0, 0.5, 0.5, None, 6, 6, "found"),
                TimelineEntry("clustering", 0.0, 210.0, 6.0, 7.0, 1)]
    titles = [block.title for block in timeline.blocks(entries)]
    assert titles == [
        "transcribe, windows 5-6: 2:30 to 3:30 of the recording, found in the cache, 0.0 s, 0.5 s into the run",
        "transcribe, windows 0-3: 0:00 to 2:00 of the recording, 4.0 s, 1.0 s into the run",
        "transcribe, window 4: 2:00 to 2:30 of the recording, lost with its worker, 1.0 s, 1.0 s into the run",
        "clustering: 0:00 to 3:30 of the recording, 1.0 s, 6.0 s into the run"]
    section = timeline.section(entries)
    assert timeline.section(()) == "" and section.count("<title>") == 4
    assert [section.count(f">{name}<") for name in ("parent", "worker 1", "worker 2", "worker 0")] == [1, 1, 1, 0]


def test_pitch_and_energy_fit_into_bytes() -> None:
    (track,) = page_data(transcript(), (Track("x", "", (), (0, 40, 200, 5000), (-90.0, -45.0, 0.0, 3.0)),),
                         {})["tracks"]  # type: ignore[attr-defined]
    assert track["pitch"] == "AAGA/w==" and track["energy"] == "AID//w=="


def test_the_command_makes_the_same_words_again(tmp_path: Path) -> None:
    sound = tmp_path / "-short & sweet.mp3"
    sound.write_bytes((ROOT / "tests/data/short.mp3").read_bytes())
    made = voicekit.transcribe(sound, engine="pocketsphinx", use_cache=False, workers=1)
    words = shlex.split(making.command(made))
    assert words[:3] == ["voicekit", "run", "./-short & sweet.mp3"]
    assert words[-2:] == ["-o", "./-short & sweet.html"]
    subprocess.run([sys.executable, "-m", *words[:-1], "again.json", "--no-cache", "-q"], check=True, cwd=tmp_path,
                   timeout=120)
    again = formats.read(tmp_path / "again.json").words
    assert [(one.word, one.start) for one in again] == [(one.word, round(one.start, 3)) for one in made.words]


def test_the_command_knows_all_that_was_asked_for() -> None:
    made = recordings.talk(60)
    told = making.command(made, recordings.voicing(made))
    assert told == (
        "voicekit run lighthouse-interview.mp3 --quality normal --engine faster-whisper --model small --language en "
        "--device cpu --compute-type int8 --beam-size 1 --batch-size 4 --hotwords lighthouse --word-timestamps "
        "--diarize onnx:pyannote-segmentation-3.0 --min-speakers 2 --voice silero:xenia --voices Boris=espeak:en "
        "--stress --prosody -o lighthouse-interview.html")
    odd = replace(made, run=replace(made.run, options={"hotwords": "-x; rm 'y'", "task": "translate"}, speakers=None))
    assert "--task translate" in making.command(odd) and """'--hotwords=-x; rm '"'"'y'"'"''""" in making.command(odd)
    assert passages.spoken_language(odd) == "en"


def test_the_transcript_survives_the_way_through_json(tmp_path: Path) -> None:
    made = recordings.talk(120)
    formats.write(made, tmp_path / "talk.json")
    again: Transcript = formats.read(tmp_path / "talk.json")
    assert passages.render(again, {"Anna Petrova": 0}) == passages.render(made, {"Anna Petrova": 0})
