"""The transcript as HTML, one element to a word; and the times of all words for the page's script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from voicekit.formats.base import milliseconds
from voicekit.formats.report import markup, speaking
from voicekit.types import LedgerEntry, Segment, Transcript, Word

PAUSE = 2.0
"""Seconds: after so long a silence a speaker begins a new passage, as in plain text."""

LONGEST = 45.0
"""Seconds after which a passage ends with its segment, so that a lecture has times to hold on to."""

UNSURE = ((0.3, "p3"), (0.5, "p2"), (0.7, "p1"))
"""Words that are less probable than this, and the class that shades them."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What one speaker says in one go, in one direction of writing.

    Attributes
    ----------
    speaker : str
        Empty where nobody knows.
    rtl : bool
        Whether it is written from right to left.
    first, last : int
        Indices of its segments; ``last`` is one behind.
    """

    speaker: str
    rtl: bool
    first: int
    last: int


def right_to_left(text: str) -> bool:
    """Whether most of the letters are of a script that is written from right to left.

    HTML's own rule goes by the first letter, and would turn a Hebrew sentence around that begins with "GPU".

    Examples
    --------
    >>> right_to_left("GPU של החברה"), right_to_left("the word שלום"), right_to_left("1984")
    (True, False, False)
    """
    kinds = [unicodedata.bidirectional(letter) for letter in text]
    return sum(kind in ("R", "AL") for kind in kinds) > kinds.count("L")


def passages(transcript: Transcript) -> list[Passage]:
    """Segments put together as they are read; none reaches over a gap of the ledger."""
    found: list[Passage] = []
    gaps = [entry.start for entry in transcript.failed]
    segments = transcript.segments
    for index, segment in enumerate(segments):
        speaker, rtl = speaking.who(segment), right_to_left(segment.text)
        last = found[-1] if found else None
        before = segments[index - 1]
        if (last is not None and last.speaker == speaker and last.rtl == rtl
                and segment.start - before.end < PAUSE and before.end - segments[last.first].start < LONGEST
                and not any(before.start < gap <= segment.start for gap in gaps)):
            found[-1] = Passage(speaker, rtl, last.first, index + 1)
        else:
            found.append(Passage(speaker, rtl, index, index + 1))
    return found


def render(transcript: Transcript, order: Mapping[str, int]) -> str:
    """All passages, and between them what could not be transcribed.

    Parameters
    ----------
    transcript : Transcript
        Who said what.
    order : mapping of str to int
        By speaker, the number of the colour.
    """
    language = spoken_language(transcript)
    shaded = speaking.said(transcript.words)
    waiting = gaps(transcript)
    parts: list[str] = []
    for passage in passages(transcript):
        start = transcript.segments[passage.first].start
        while waiting and waiting[0].start <= start:
            parts.append(_gap(waiting.pop(0)))
        parts.append(_passage(transcript, passage, order, language, shaded))
    parts += map(_gap, waiting)
    return "\n".join(parts)


def spoken_language(transcript: Transcript) -> str:
    """The language of the words, for the page's ``lang``; empty where it is not known."""
    code = "en" if transcript.run.options.get("task") == "translate" else transcript.language.code
    return "" if code in ("", "und") else code


def gaps(transcript: Transcript) -> list[LedgerEntry]:
    """What failed, in order of time: the entries of one window are one gap."""
    found: list[LedgerEntry] = []
    for entry in sorted(transcript.failed, key=lambda entry: (entry.start, entry.end)):
        last = found[-1] if found else None
        if last is not None and (last.window, last.reason) == (entry.window, entry.reason):
            found[-1] = LedgerEntry(last.start, max(last.end, entry.end), last.window, last.status, last.reason)
        else:
            found.append(entry)
    return found


def _gap(entry: LedgerEntry) -> str:
    return (f'<aside class="gap"><p>{markup.moment(entry.start)} {markup.length(entry.end - entry.start)} of speech '
            f"could not be transcribed: {markup.name(entry.reason or 'no reason is known')}</p></aside>")


def _passage(transcript: Transcript, passage: Passage, order: Mapping[str, int], language: str, shaded: bool) -> str:
    segments = transcript.segments[passage.first:passage.last]
    body, before = [], ""
    for number, segment in enumerate(segments, passage.first):
        words = " ".join(speaking.tokens(segment))
        if not words:
            body.append(f'<span class="seg" id="s{number}"></span>')
            continue
        space = "" if not before or _close(before, words) else " "
        body.append(f'{space}<span class="seg" id="s{number}">{"".join(_words(segment, shaded))}</span>')
        before = words
    speaker = f'<span class="who">{markup.name(passage.speaker)}</span> ' if passage.speaker else ""
    time = f'<a class="at" href="#s{passage.first}">{markup.clock(segments[0].start)}</a>'
    lang = f' lang="{markup.text(language)}"' if language else ""
    direction = "rtl" if passage.rtl else "ltr"
    return (f'<article class="passage {speaking.colour(order, passage.speaker)}"><header>{speaker}{time}</header>'
            f'<p dir="{direction}"{lang}>{"".join(body)}</p></article>')


def _words(segment: Segment, shaded: bool) -> Iterator[str]:
    if not segment.words:
        yield " ".join(f"<span>{markup.text(token)}</span>" for token in speaking.tokens(segment))
        return
    first = True
    for word in segment.words:
        clean = markup.clean(word.word)
        if not clean.strip():
            continue
        space = " " if clean[0].isspace() and not first else ""
        first = False
        classes = " ".join(_classes(word, shaded))
        mark = f' class="{classes}"' if " " in classes else f" class={classes}" if classes else ""
        yield f"{space}<span{mark}>{markup.text(clean.strip())}</span>"


def _classes(word: Word, shaded: bool) -> Iterator[str]:
    if shaded:
        yield from [mark for bound, mark in UNSURE if word.probability < bound][:1]
    if word.overlap:
        yield "o"


def _close(before: str, after: str) -> bool:
    """Whether two sentences follow each other without a space, as in Chinese and Japanese (not in Korean)."""
    return all(unicodedata.east_asian_width(letter) in "WF" and not "\uac00" <= letter <= "\ud7a3"
               for letter in (before[-1], after[0]))


def times(transcript: Transcript, order: Mapping[str, int]) -> dict[str, object]:
    """What the script has to know of the elements that :func:`render` makes, in their order.

    Returns
    -------
    dict
        ``segments``: for each start, length (ms), number of the speaker (-1: nobody), number of words, and whether
        these have times of their own. ``words``: for each that has, start and length. ``sure``: a byte for each of
        these, its probability in percent. Starts are distances from the start before, which are short to write.
    """
    segments: list[int] = []
    words: list[int] = []
    sure: list[int] = []
    before = word_before = 0
    for segment in transcript.segments:
        start = milliseconds(segment.start)
        segments += [start - before, max(0, milliseconds(segment.end) - start),
                     order.get(speaking.who(segment), -1), len(speaking.tokens(segment)), int(bool(segment.words))]
        before = start
        for word in segment.words:
            if not markup.clean(word.word).strip():
                continue
            start = milliseconds(word.start)
            words += [start - word_before, max(0, milliseconds(word.end) - start)]
            word_before = start
            sure.append(min(100, round(markup.finite(word.probability) * 100)))
    return {"segments": segments, "words": words, "sure": markup.packed(sure)}
