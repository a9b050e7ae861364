"""Cues: what a viewer sees at once. Segments are cut into them by width, lines and words.

Two things always hold: the words of the cues are the words of the segments, in the same order;
and no two cues overlap, nor is any shorter than a millisecond.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from voicekit.formats.base import milliseconds, one_line
from voicekit.options import SubtitleOptions
from voicekit.types import Segment


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from one moment to another.

    Attributes
    ----------
    start, end : int
        Milliseconds; ``start < end``.
    lines : tuple of str
        None of them blank.
    speaker : str
        Label of the speaker, or nothing.
    """

    start: int
    end: int
    lines: tuple[str, ...]
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is never torn apart: a word with whatever is glued to it. Times in milliseconds."""

    text: str
    start: int
    end: int
    spaced: bool  # whether a space separates it from the piece before


def cues(segments: Iterable[Segment], limits: SubtitleOptions,
         label: Callable[[str], str] = lambda speaker: "") -> list[Cue]:
    """Cut segments into cues.

    Parameters
    ----------
    segments : iterable of Segment
        In order of time.
    limits : SubtitleOptions
        A segment is broken into as few lines as ``max_line_width`` and ``max_words_per_line``
        allow, of about the same length, and ``max_line_count`` of them make a cue. Where only
        ``max_words_per_line`` is given a line is a cue (a column of short lines helps nobody).
        With no limit at all, or a count alone, a segment is one cue of one line.
    label : callable, optional
        Turns a speaker into what is printed before the first line of a cue: it takes its
        part of the width.

    Returns
    -------
    list of Cue
        Their times are those of their words; where a segment has no words, its time is
        shared out by the number of characters.

    Examples
    --------
    >>> segment = Segment(0.0, 2.0, "Good morning, everybody.")
    >>> for cue in cues([segment], SubtitleOptions(max_line_width=13, max_line_count=1)):
    ...     print(cue.start, cue.end, cue.lines)
    0 1083 ('Good morning,',)
    1167 2000 ('everybody.',)
    """
    count = limits.max_line_count
    if count is None and limits.max_line_width is None:
        count = 1
    found = []
    for segment in segments:
        speaker = one_line(segment.speaker or "")
        pieces = _pieces(segment)
        if limits.max_line_width is None and limits.max_words_per_line is None:
            lines = [pieces] if pieces else []
        else:
            lines = _break(pieces, limits, count, len(label(speaker)) if speaker else 0)
        step = count or len(lines) or 1
        for at in range(0, len(lines), step):
            shown = lines[at:at + step]
            found.append(Cue(shown[0][0].start, max(piece.end for line in shown for piece in line),
                             tuple(_join(line) for line in shown), speaker))
    return _apart(found)


def _apart(found: Sequence[Cue]) -> list[Cue]:
    # A cue that runs into the next one gives way, as where two people talk at once: shown a little
    # shorter, rather than the next one shown too late.
    starts: list[int] = []
    for cue in found:
        starts.append(max(cue.start, starts[-1] + 1) if starts else cue.start)
    apart = []
    for at, (cue, start) in enumerate(zip(found, starts, strict=True)):
        end = max(cue.end, start + 1)
        if at + 1 < len(starts):
            end = min(end, starts[at + 1])
        apart.append(replace(cue, start=start, end=end))
    return apart


def _join(line: Sequence[_Piece]) -> str:
    return line[0].text + "".join(f" {piece.text}" if piece.spaced else piece.text for piece in line[1:])


def _break(pieces: Sequence[_Piece], limits: SubtitleOptions, count: int | None,
           label: int) -> list[list[_Piece]]:
    """Lines: as few as possible, then as even as possible, preferably ending at punctuation."""
    # best[end]: the cheapest way to set pieces[:end], as (lines, cost, where the last line begins).
    # The number of lines says whether the next one opens a cue, and so bears the label.
    best: list[tuple[int, float, int]] = [(0, 0.0, 0)]
    for end in range(1, len(pieces) + 1):
        inviting = 0.8 if _closes(pieces[end - 1].text[-1]) else 1.0
        length = 0
        cheapest: tuple[int, float, int] | None = None
        for begin in range(end - 1, -1, -1):
            length += len(pieces[begin].text)
            if begin < end - 1:
                length += pieces[begin + 1].spaced
                if not _fits(length, end - begin, limits):
                    break
            lines, cost, _ = best[begin]
            opens = lines % count == 0 if count else lines == 0
            width = length + (label if opens else 0)
            if begin < end - 1 and not _fits(width, end - begin, limits):
                continue
            # Of lines whose lengths have one sum, the even ones have the least sum of squares.
            way = (lines + 1, cost + inviting * width * width, begin)
            if cheapest is None or way < cheapest:
                cheapest = way
        assert cheapest is not None  # a piece alone is always a line
        best.append(cheapest)
    lines_backwards = []
    end = len(pieces)
    while end:
        begin = best[end][2]
        lines_backwards.append(list(pieces[begin:end]))
        end = begin
    return lines_backwards[::-1]


def _fits(width: int, words: int, limits: SubtitleOptions) -> bool:
    return ((limits.max_line_width is None or width <= limits.max_line_width)
            and (limits.max_words_per_line is None or words <= limits.max_words_per_line))


def _pieces(segment: Segment) -> list[_Piece]:
    return _from_words(segment) or _from_text(segment)


def _from_words(segment: Segment) -> list[_Piece]:
    groups: list[list[_Piece]] = []
    spaced = True
    for word in segment.words:
        text = one_line(word.word)
        if not text:
            spaced = spaced or bool(word.word)
            continue
        spaced = spaced or word.word[0].isspace()
        piece = _Piece(text, milliseconds(word.start), milliseconds(word.end), spaced)
        if groups and not spaced and not _tearable(groups[-1][-1].text[-1], text[0]):
            groups[-1].append(piece)
        else:
            groups.append([piece])
        spaced = word.word[-1].isspace()
    return [_Piece("".join(piece.text for piece in group), group[0].start,
                   max(piece.end for piece in group), group[0].spaced) for group in groups]


# Runs between spaces; a no-break space does what its name says.
_RUN = re.compile(r"(?:\S|[\u00a0\u2007\u202f])+")


def _from_text(segment: Segment) -> list[_Piece]:
    text = one_line(segment.text)
    start, end = milliseconds(segment.start), milliseconds(segment.end)
    per_character = max(0, end - start) / max(1, len(text))
    pieces = []
    for run in _RUN.finditer(text):
        if not run.group().strip():
            continue
        edges = [run.start()]
        edges += [at for at in range(run.start() + 1, run.end()) if _tearable(text[at - 1], text[at])]
        edges.append(run.end())
        for begin, stop in zip(edges, edges[1:], strict=False):
            pieces.append(_Piece(text[begin:stop], start + round(begin * per_character),
                                 start + round(stop * per_character), begin == run.start()))
    return pieces


# Scripts that put no space between words: Thai, Lao, Tibetan, Myanmar, Khmer; then the Chinese and
# Japanese characters with their punctuation and full-width forms. (Korean has spaces.)
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3100-\u312f\u31a0-\u9fff"
                       "\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff9f\U00020000-\U0003ffff]")


def _tearable(before: str, after: str) -> bool:
    """Whether a line may end between two characters that no space separates."""
    if not (_UNSPACED.match(before) or _UNSPACED.match(after)):
        return False
    # Not before a closing mark, an accent or a sign of length, nor after an opening bracket.
    return not (_closes(after) or unicodedata.category(after) in ("Mn", "Mc", "Me", "Lm")
                or unicodedata.category(before) in ("Ps", "Pi"))


def _closes(character: str) -> bool:
    return unicodedata.category(character) in ("Po", "Pe", "Pf")
