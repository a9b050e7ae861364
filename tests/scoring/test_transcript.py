"""WER, CER, cpWER and tcpWER: against examples counted by hand; and the files they are read from."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.formats.transcripts import transcript
from voicekit import formats
from voicekit.errors import EngineMissingError, InputError
from voicekit.scoring.normalising import characters, normalise, rules, words
from voicekit.scoring.transcript import Errors, score
from voicekit.scoring.utterances import Said, Utterance, read_said
from voicekit.types import Language, Segment

pytest.importorskip("jiwer")


def said(*texts: str, language: str | None = None) -> Said:
    return Said(tuple(Utterance("", text) for text in texts), language)


# -- what is compared ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "language", "expected"), [
    ("Well, it’s [twenty-one] — 3.5 %!", "en", "well it's twenty one 3 5"),
    ("'Tis rock 'n' roll", "en", "tis rock n roll"),
    ("Ещё за́мок, Ёлка; майор", "ru", "еще замок елка майор"),
    ("Ещё", None, "еще"),
    ("Яшчэ ёсць", "be", "яшчэ ёсць"),
    ("Її їжа, м’яч, га́нок", "uk", "її їжа м'яч ганок"),
    ("DIŞ İyi", "tr", "dış iyi"),
    ("हिन्दी में", "hi", "हिन्दी में"),
    ("السَّلامُ", "ar", "السلام"),
    ("בְּרֵאשִׁית", "he", "בראשית"),
    ("ｆｕｌｌ　ｗｉｄｔｈ\u00ad\u200b", None, "full width"),
    ("🎵 … -- ' !", None, ""),
])
def test_normalise(text: str, language: str | None, expected: str) -> None:
    assert normalise(text, language) == expected
    assert normalise(expected, language) == expected
    assert len(rules(language)) >= 5


def test_scripts_without_spaces_are_compared_by_character() -> None:
    assert words(normalise("我们 use GPU。ที่นี่")) == ["我", "们", "use", "gpu", "ที่", "นี่"]
    assert characters("我们 去 gpu now") == "我们去gpu now"
    spaced = score(said("我们 去 公园"), said("我们去公司")).overall
    assert spaced.wer == spaced.cer == Errors(5, 1, 0, 0)


# -- counted by hand -----------------------------------------------------------------------------------------------

def test_wer_and_cer() -> None:
    result = score(said("The cat sat.", "On the mat!"), said("the cat sat on a on mat"))
    # the cat sat on the mat -> the cat sat on [a on] mat: one substituted, one inserted
    assert result.overall.wer == Errors(6, 1, 0, 1)
    assert result.overall.wer.rate == pytest.approx(2 / 6)
    assert score(said("abcd ef"), said("abd efg")).overall.cer == Errors(7, 0, 1, 1)
    assert result.overall.cp_wer is None and "the reference and the hypothesis name no speakers" in result.notes[0]


def test_a_text_against_itself() -> None:
    text = said("Всё хорошо, замо́к закрыт.", language="ru")
    result = score(text, text)
    assert (result.overall.wer.rate, result.overall.cer.rate, result.language) == (0.0, 0.0, "ru")


def test_a_hypothesis_without_words() -> None:
    result = score(said("one two"), said("...", ""))
    assert result.overall.wer == Errors(2, 0, 2, 0)
    assert "The hypothesis has no words." in result.notes


def conversation(*parts: tuple[str, float, str]) -> Said:
    return Said(tuple(Utterance("talk", text, speaker, start, start + 2) for speaker, start, text in parts))


REFERENCE = conversation(("Ann", 0, "hello there you"), ("Bob", 2, "good morning"))


def test_a_right_word_of_the_wrong_speaker_is_two_errors() -> None:
    pytest.importorskip("meeteval")
    heard = conversation(("x", 0, "hello there"), ("y", 2, "you good morning"))
    found = score(REFERENCE, heard).overall
    assert found.wer == Errors(5, 0, 0, 0)
    assert found.cp_wer == found.tcp_wer == Errors(5, 0, 1, 1)
    nobody = conversation(("x", 0, "hello there you"), ("x", 2, "good"))
    unknown = replace(nobody, utterances=(*nobody.utterances, Utterance("talk", "morning", None, 3, 4)))
    assert score(REFERENCE, unknown).overall.cp_wer == Errors(5, 0, 1, 1)


def test_words_match_only_where_their_times_are_near_in_the_tcp_wer() -> None:
    pytest.importorskip("meeteval")
    late = conversation(("x", 0, "hello there you"), ("y", 60, "good morning"))
    found = score(REFERENCE, late).overall
    assert (found.cp_wer, found.tcp_wer) == (Errors(5, 0, 0, 0), Errors(5, 0, 2, 2))


def test_utterances_are_compared_in_order_of_time() -> None:
    shuffled = replace(REFERENCE, utterances=REFERENCE.utterances[::-1])
    assert score(REFERENCE, shuffled, with_speakers=False).overall.wer.rate == 0


def test_without_times_there_is_no_tcp_wer() -> None:
    pytest.importorskip("meeteval")
    untimed = Said(tuple(Utterance("talk", one.text, one.speaker) for one in REFERENCE.utterances))
    result = score(REFERENCE, untimed)
    assert (result.overall.cp_wer, result.overall.tcp_wer) == (Errors(5, 0, 0, 0), None)
    assert "No tcpWER: not all utterances have times." in result.notes
    without = score(REFERENCE, said("hello there you good morning"))
    assert without.notes == ("No cpWER: the hypothesis names no speakers.",)


def test_recordings_are_matched_by_name() -> None:
    def several(**texts: str) -> Said:
        return Said(tuple(Utterance(name, text) for name, text in texts.items()))

    result = score(several(a="one two", b="three four", c="five"), several(b="three", a="one two", d="six"))
    assert [(one.recording, one.wer.deleted) for one in result.recordings] == [("a", 0), ("b", 1), ("c", 1)]
    assert result.overall.wer == Errors(5, 0, 2, 0)
    assert [note.partition(":")[0] for note in result.notes] == ["c", "d", "No cpWER"]
    with pytest.raises(InputError, match="no recording in common"):
        score(several(a="one", b="two"), several(c="one"))


@pytest.mark.parametrize(("reference", "hypothesis", "language", "match"), [
    (said(" ...!"), said("one"), None, "The reference has no words"),
    (said("Good morning"), said("Доброе утро"), None, "Latin letters, the hypothesis in Cyrillic letters"),
    (said("a", language="en"), said("b", language="de"), None, "reference is in en, the hypothesis in de"),
    (said("a", language="en"), said("b"), "ru", "The reference is in another language: en, not ru"),
])
def test_what_cannot_be_compared(reference: Said, hypothesis: Said, language: str | None, match: str) -> None:
    with pytest.raises(InputError, match=match) as error:
        score(reference, hypothesis, language)
    assert error.value.hint


def test_two_texts_that_have_nothing_in_common_are_noted() -> None:
    assert "Hardly a word is the same" in score(said("a b c d"), said("e f g h")).notes[-1]


def test_too_many_speakers() -> None:
    pytest.importorskip("meeteval")
    crowd = conversation(*((f"s{at}", at, "word") for at in range(21)))
    with pytest.raises(InputError, match="21 speakers.*at most 20"):
        score(crowd, crowd)
    assert score(crowd, crowd, with_speakers=False).overall.wer.rate == 0


@pytest.mark.parametrize(("module", "package"), [("jiwer", "jiwer"), ("meeteval.wer", "meeteval")])
def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, module: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EngineMissingError, match=f"the package {package} is needed") as error:
        score(REFERENCE, REFERENCE)
    assert ".[score]" in error.value.hint


# -- files ---------------------------------------------------------------------------------------------------------

def test_txt(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\ufeffSPEAKER_00: Good [morning.]\n\nNo label: here.\n", encoding="utf-8")
    assert read_said(path).utterances == (Utterance("", "Good [morning.]", "SPEAKER_00"),
                                          Utterance("", "No label: here."))


def test_stm(tmp_path: Path) -> None:
    path = tmp_path / "a.stm"
    path.write_text(";; comment\ntalk 1 Ann 0.5 2 <o,f0,female> Good morning.\ntalk 1 Bob 2.5 3\n"
                    "talk 1 Bob 4 5 IGNORE_TIME_SEGMENT_IN_SCORING\ntalk 1 inter_segment_gap 5 6\n")
    read = read_said(path)
    assert read.utterances == (Utterance("talk", "Good morning.", "Ann", 0.5, 2.0), Utterance("talk", "", "Bob", 2.5, 3.0))
    assert "1 lines that are not to be scored" in read.warnings[0]


def test_our_own_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    formats.write(transcript(Segment(0, 1.5, "Hi.", speaker="Ann Lee"), Segment(2, 3, "Ho."), language=Language("de")),
                  path)
    assert read_said(path) == Said((Utterance("talk", "Hi.", "Ann Lee", 0, 1.5), Utterance("talk", "Ho.", None, 2, 3)),
                                   "de")


def test_seglst(tmp_path: Path) -> None:
    path = tmp_path / "a.JSON"
    path.write_text(json.dumps([{"session_id": "s", "speaker": 1, "start_time": "0.5", "end_time": 2, "words": "hi"},
                                {"words": "ho", "extra": [1]}]))
    assert read_said(path).utterances == (Utterance("s", "hi", "1", 0.5, 2.0), Utterance("", "ho"))


@pytest.mark.parametrize(("name", "text", "match"), [
    ("a.docx", "x", "file of type txt, json, stm"),
    ("a.stm", "", "is empty"),
    ("a.json", " \n", "is empty"),
    ("a.json", "{", "not valid JSON"),
    ("a.json", "{}", "schema is None"),
    ("a.json", "[1]", "segment 0 has no 'words'"),
    ("a.json", '[{"words": "a", "start_time": "x"}]', "segment 0: 'x' is no time"),
    ("a.json", '[{"words": "a", "start_time": 2, "end_time": 1}]', "segment 0: it ends before it starts"),
    ("a.stm", "talk 1 Ann 0.5", "line 1 has 4 fields"),
    ("a.stm", "talk 1 Ann 2 1 hi", "line 1: the end 1 is before the start 2"),
    ("a.stm", "talk 1 Ann -1 1 hi", "line 1: the time -1 is negative"),
    ("a.stm", "talk 1 Ann inf 1 hi", "line 1: the time inf is no number"),
    ("a.txt", "\0", "bytes that are no text"),
])
def test_malformed_files(tmp_path: Path, name: str, text: str, match: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=match) as error:
        read_said(path)
    assert error.value.hint
    path.write_bytes("Ёж".encode("cp1251"))
    with pytest.raises(InputError):
        read_said(path)
