"""A figure to draw on, whose texts may be in any script, and the PNG that becomes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from voicekit.errors import EngineMissingError
from voicekit.formats.report import markup
from voicekit.placing import placed

DPI = 160
"""Pixels to an inch: letters of nine points are 20 pixels high."""

INK, FAINT, RULE, BAD, IDLE = "#222222", "#6b6b6b", "#d9d9d9", "#c62828", "#d5dae0"
"""Colours of text, of what stands back, of lines, of what went wrong, and of time in which nothing is done."""

_FONTS = ("DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari",
          "Noto Sans Thai", "Noto Sans Arabic", "Noto Sans Hebrew", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic",
          "Hiragino Sans GB", "Arial Unicode MS", "Noto Emoji")
"""Where letters are looked for, those that are installed. The first comes with matplotlib: Latin, Cyrillic, Greek,
Hebrew, Arabic and more."""


@contextlib.contextmanager
def picture(target: Path, width: int, height: float) -> Iterator[Any]:
    """A matplotlib Figure that is written to `target` at the end, whole or not at all.

    Parameters
    ----------
    target : Path
        The PNG; one that exists is replaced.
    width : int
        Pixels.
    height : float
        Inches at 10 inches of width; letters grow and shrink with the picture.

    Raises
    ------
    EngineMissingError
        If matplotlib is not installed.
    OutputError
        If the file cannot be written.
    """
    matplotlib = library()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Nothing of the user's own settings, and no $ that would begin a formula in a name.
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({
            "font.family": [name for name, _ in _fonts()], "font.size": 9, "text.parse_math": False,
            "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": RULE, "axes.titlecolor": INK,
            "axes.titlelocation": "left", "axes.titlesize": 10, "axes.titleweight": "bold", "axes.axisbelow": True,
            "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "hatch.linewidth": 0.8,
            "xtick.color": FAINT, "ytick.color": INK, "xtick.labelsize": 8, "ytick.left": False, "grid.color": RULE,
            "grid.linewidth": 0.6, "legend.frameon": False, "legend.fontsize": 8})
        figure = Figure(figsize=(10.0, height), dpi=DPI)
        canvas = FigureCanvasAgg(figure)
        yield figure
        figure.set_dpi(width / 10.0)
        with placed(target) as file:
            canvas.print_png(file)


def library() -> Any:
    """Matplotlib.

    Raises
    ------
    EngineMissingError
        If it is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise EngineMissingError("Pictures are drawn with matplotlib, which is not installed.",
                                 'Install it: pip install -e ".[plot]"') from error
    return matplotlib


def fitted(figure: Any, text: str, points: float, inches: float) -> str:
    """As much of the text as is that wide at most, with an ellipsis where something had to go."""
    drawn = figure.text(0, 0, text, fontsize=points)
    try:
        while len(text) > 1 and drawn.get_window_extent().width > inches * DPI:
            text = text.removesuffix("…")[:-1].rstrip() + "…"
            drawn.set_text(text)
    finally:
        drawn.remove()
    return text


def shown(text: str, most: int = 40) -> str:
    """The text on one line and not too long, with letters that no font has as boxes.

    Parameters
    ----------
    text : str
        A name or a sentence, as hostile as it likes.
    most : int
        Characters.
    """
    plain = markup.clean(text).strip()
    plain = plain if len(plain) <= most else plain[:most - 1].rstrip() + "…"
    return "".join(letter if any(ord(letter) in letters for _, letters in _fonts()) else "\ufffd"
                   for letter in plain if letter.isprintable() or letter in "\u200c\u200d")


@cache
def _fonts() -> tuple[tuple[str, frozenset[int]], ...]:
    """Names of the fonts that are there, and the letters that each has."""
    library()
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    there = {entry.name: entry.fname for entry in font_manager.fontManager.ttflist
             if entry.style == "normal" and entry.weight in (400, "normal", "regular")}
    return tuple((name, frozenset(FT2Font(there[name]).get_charmap())) for name in _FONTS if name in there)
