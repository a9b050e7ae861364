from __future__ import annotations

import pytest

from voicekit.spoken import Sentence
from voicekit.text.sentences import LONGEST, sentences
from voicekit.types import Segment, Word


def words(text: str, start: float = 0.0, each: float = 0.3, pauses: dict[int, float] | None = None,
          speaker: str | None = None) -> tuple[Word, ...]:
    """Words one after another; ``pauses`` come before the words of these numbers."""
    made, time = [], start
    for number, word in enumerate(text.split()):
        time += (pauses or {}).get(number, 0.0)
        made.append(Word(time, time + each, " " + word, 0.9, speaker))
        time += each
    return tuple(made)


def texts(found: tuple[Sentence, ...]) -> list[str]:
    return [sentence.text for sentence in found]


def divided(text: str, **how: object) -> list[str]:
    spoken = words(text, **how)
    return texts(sentences([Segment(spoken[0].start, spoken[-1].end, text, spoken)]))


@pytest.mark.parametrize(("text", "expected"), [
    ("Mr. Smith came. He sat down.", ["Mr. Smith came.", "He sat down."]),
    ("It costs 3.5 dollars. Really!", ["It costs 3.5 dollars.", "Really!"]),
    ("Роман А. С. Пушкина. Он читал его.", ["Роман А. С. Пушкина.", "Он читал его."]),
    ("Это просто, т. е. понятно. Да.", ["Это просто, т. е. понятно.", "Да."]),
    ("Яблоки, груши и т.д. лежат тут.", ["Яблоки, груши и т.д. лежат тут."]),
    ("Он спросил: «Где?» Она молчала…", ["Он спросил: «Где?»", "Она молчала…"]),
    ("Дом стоит на ул. Ленина. Там тихо.", ["Дом стоит на ул. Ленина.", "Там тихо."]),
    ("«Что?» спросил он.", ["«Что?» спросил он."]),
    ("no stops at all", ["no stops at all"]),
])
def test_a_sentence_ends_at_a_stop_and_not_at_an_abbreviation(text: str, expected: list[str]) -> None:
    assert divided(text) == expected


def test_an_abbreviation_ends_one_before_a_breath_and_a_capital() -> None:
    assert divided("and so on etc. Then he left", pauses={4: 0.3}) == ["and so on etc.", "Then he left"]


def test_text_without_stops_is_divided_by_its_pauses() -> None:
    assert divided("the first part then the second", pauses={3: 0.7}) == ["the first part", "then the second"]


def test_another_speaker_begins_a_sentence() -> None:
    one, two = words("how are you", speaker="A"), words("fine thanks", 0.9, speaker="B")
    found = sentences([Segment(0, 2, "", one + two)])
    assert [(sentence.text, sentence.speaker) for sentence in found] == [("how are you", "A"), ("fine thanks", "B")]


def test_a_sentence_goes_on_from_segment_to_segment() -> None:
    found = sentences([Segment(0, 1, "I went", words("I went")), Segment(1, 2, "home.", words("home.", 0.6))])
    assert texts(found) == ["I went home."]
    assert (found[0].start, found[0].end) == (0.0, pytest.approx(0.9))


def test_a_long_one_is_divided_at_its_longest_pause_then_at_commas() -> None:
    text = " ".join(["слово"] * 19 + ["слово,"] + ["слово"] * 40)
    found = divided(text, each=0.4, pauses={40: 0.4})
    assert [len(part.split()) for part in found][:1] == [20]
    spoken = words(text, each=0.4, pauses={40: 0.4})
    made = sentences([Segment(0, 30, text, spoken)])
    assert all(sentence.duration <= LONGEST for sentence in made)
    assert [word for sentence in made for word in sentence.words] == list(spoken)
    assert 40 in [sum(len(one.words) for one in made[:number]) for number in range(len(made))]


def test_one_endless_word_stays_whole() -> None:
    assert texts(sentences([Segment(0, 60, "aaa", (Word(0, 60, " aaa", 1),))])) == ["aaa"]


def test_words_without_times_share_the_segment_by_their_letters() -> None:
    (found,) = sentences([Segment(10, 13, "a bb cccccc", ())])
    assert [(word.word, round(word.start, 2), round(word.end, 2)) for word in found.words] == [
        (" a", 10.0, 10.5), (" bb", 10.5, 11.25), (" cccccc", 11.25, 13.0)]


def test_a_script_without_spaces_is_divided_into_characters() -> None:
    found = sentences([Segment(0, 4, "今天很好。明天见。", ())])
    assert texts(found) == ["今天很好。", "明天见。"]
    assert len(found[0].words) == 4


def test_nothing_said() -> None:
    assert sentences([]) == ()
    assert sentences([Segment(0, 1, "", ()), Segment(1, 2, " ", (Word(1, 2, " ", 1),))]) == ()


def test_indices_count_and_words_that_end_before_they_begin_are_mended() -> None:
    found = sentences([Segment(0, 5, "", (Word(0, 1, " One.", 1), Word(2, 1.5, " Two.", 1)))])
    assert [sentence.index for sentence in found] == [0, 1]
    assert found[1].end >= found[1].start
