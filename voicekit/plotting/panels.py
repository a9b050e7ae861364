"""Panels one below the other, what their axes say, and the picture that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicekit.formats.report import markup
from voicekit.plotting.canvas import FAINT, fitted, picture, shown

ROW, AROUND = 0.26, 0.62
"""Inches: of a row of a panel, and of what surrounds its rows."""

_HEAD, _FOOT, _LABEL = 0.62, 0.1, 1.52
"""Inches: of what stands over the panels and below them, and of a row's label across."""

_LONGEST = 1e7
"""Seconds: no recording takes months, but a file can claim it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the picture: how high it is, in inches, and what draws it on its axes."""

    height: float
    draw: Callable[[Any], None]


def stack(title: str, facts: str, panels: Sequence[Panel], target: Path, width: int) -> None:
    """Draw panels below a title and a line of facts into a PNG file.

    Raises
    ------
    EngineMissingError
        If matplotlib is not installed.
    OutputError
        If the file cannot be written.
    """
    height = _HEAD + sum(panel.height for panel in panels) + _FOOT
    with picture(target, width, height) as figure:
        # Bold letters are wider than those that are measured.
        figure.text(0.02, 1 - 0.2 / height, fitted(figure, shown(title, 120), 14.5, 9.6), fontsize=13, weight="bold",
                    va="center")
        figure.text(0.02, 1 - 0.45 / height, fitted(figure, shown(facts, 200), 9, 9.6), color=FAINT, va="center")
        top = _HEAD
        for panel in panels:
            # Below the title of the panel, and above the numbers of its axis.
            axes = figure.add_axes((0.17, 1 - (top + panel.height - 0.28) / height, 0.80,
                                    (panel.height - 0.56) / height))
            panel.draw(axes)
            labels = [fitted(figure, text.get_text(), 9, _LABEL) for text in axes.get_yticklabels()]
            axes.set_yticks(axes.get_yticks(), labels)
            top += panel.height


def label_rows(axes: Any, labels: Sequence[str]) -> None:
    """A label to each row, the first on top."""
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels)


def legend(axes: Any, marks: Sequence[tuple[str, str]]) -> None:
    """Small squares with words, in a line with the title; (colour, word) for each."""
    from matplotlib.patches import Patch

    axes.legend(handles=[Patch(facecolor=colour, edgecolor=FAINT if colour == "white" else colour, label=label)
                         for colour, label in marks],
                loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(marks), borderpad=0, handlelength=0.9,
                handleheight=0.9, columnspacing=1.2, borderaxespad=0.4)


def clock_axis(axes: Any, whole: float) -> None:
    """Times of the recording below, at round moments."""
    axes.set_xlim(0, whole)
    axes.xaxis.set_major_locator(_round_moments(whole))
    axes.xaxis.set_major_formatter(lambda at, _: moment(at) if whole >= 10 else f"{at:g} s")
    axes.grid(axis="x")
    axes.tick_params(axis="x", length=0)


def moment(seconds: float) -> str:
    """A moment of a recording, in few letters whatever it is.

    Examples
    --------
    >>> moment(75), moment(1e300)
    ('1:15', '1e+300 s')
    """
    return markup.clock(seconds) if seconds < _LONGEST else f"{seconds:.3g} s"


def length(seconds: float) -> str:
    """How long something is, in few letters whatever it is.

    Examples
    --------
    >>> length(75), length(1e300)
    ('1 min 15 s', '1e+300 s')
    """
    return markup.length(seconds) if seconds < _LONGEST else f"{seconds:.3g} s"


def _round_moments(whole: float) -> Any:
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
    step = next((step for step in steps if whole / step <= 9), 0)
    return MultipleLocator(step) if step and whole >= 10 else MaxNLocator(8)
