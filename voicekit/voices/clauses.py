"""Long sentences in parts, for engines that take only so many characters at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voicekit.spoken import SpelledWord


def parts(words: Sequence[SpelledWord], longest: int,
          written: Callable[[SpelledWord], str]) -> list[list[int]]:
    """Indices of words, part by part, none longer than a number of characters.

    A part ends after a mark where it can, and after as late a one as it can.

    Parameters
    ----------
    words : sequence of SpelledWord
        A sentence.
    longest : int
        Characters.
    written : callable
        What a word looks like to the engine.

    Raises
    ------
    ValueError
        If a single word is longer.

    Examples
    --------
    >>> words = [SpelledWord("one", ","), SpelledWord("two"), SpelledWord("three")]
    >>> parts(words, 11, lambda word: word.text)
    [[0], [1, 2]]
    """
    lengths = [len(written(word)) + len(word.after) + 1 if word.text or word.after else 0 for word in words]
    if max(lengths, default=0) > longest + 1:
        raise ValueError(f"One word is longer than the {longest} characters that the voice takes at once.")
    found, begin = list[list[int]](), 0
    while begin < len(words):
        end, length = begin, 0
        while end < len(words) and length + lengths[end] <= longest + 1:
            length += lengths[end]
            end += 1
        if end < len(words):
            marks = [index + 1 for index in range(begin, end) if words[index].after]
            end = marks[-1] if marks else end
        found.append(list(range(begin, end)))
        begin = end
    return [part for part in found if any(words[index].text for index in part)]
