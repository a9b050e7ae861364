"""A profile as a picture: where the wall time went, and what each process did when."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voicekit.plotting import trace
from voicekit.plotting.canvas import IDLE, shown
from voicekit.plotting.panels import AROUND, ROW, Panel, label_rows, length, stack
from voicekit.profiling.summary import ComponentLine, load

COMPONENTS = 16
"""Components that get a row each; the others are drawn together."""

_BUSY = "#2f6db5"


def plot(folder: Path, target: Path, *, width: int) -> None:
    """Draw the profile in a folder into a PNG file, which appears when it is whole; one that exists is replaced.

    Parameters
    ----------
    folder : Path
        As ``--profile`` wrote it.
    target : Path
        Its folder must exist.
    width : int
        Pixels; the height follows from what there is to show.

    Raises
    ------
    InputError
        If there is no profile in the folder.
    EngineMissingError
        If matplotlib is not installed.
    OutputError
        If the file cannot be written.
    """
    summary = load(folder)
    components = _largest(summary.components)
    threads = trace.rows(folder, summary.processes)
    panels = [Panel(AROUND + ROW * len(components), lambda axes: _components(axes, components))] if components else []
    if threads:
        panels.append(Panel(AROUND + ROW * min(len(threads), trace.ROWS), lambda axes: trace.draw(axes, threads)))
    machine = summary.machine
    names = ", ".join(recording.name for recording in summary.recordings) or "no recording"
    stack(f"Profile of {names}", f"{length(summary.audio)} of audio in {length(summary.wall)} · {summary.state} · "
          f"{machine.cores} cores, {machine.cpu} · {summary.began}", panels, target, width)


def _largest(components: Sequence[ComponentLine]) -> list[tuple[str, ComponentLine]]:
    """Labels and components, those of the largest share first; the small ones are one."""
    order = sorted((one for one in components if one.share > 0), key=lambda one: -one.share)
    large, small = (order, []) if len(order) <= COMPONENTS else (order[:COMPONENTS - 1], order[COMPONENTS - 1:])
    rows = [(shown(one.name), one) for one in large]
    if small:
        rows.append((f"{len(small)} others", ComponentLine("", "", *(
            sum(getattr(one, field) for one in small) for field in ("wall", "share", "seconds", "cpu", "calls")))))
    return rows


def _components(axes: Any, rows: Sequence[tuple[str, ComponentLine]]) -> None:
    axes.set_title("Where the wall time went")
    longest = max(one.wall for _, one in rows) or 1.0
    axes.barh(range(len(rows)), [one.wall for _, one in rows], height=0.72,
              color=[IDLE if one.step == "wait" else _BUSY for _, one in rows])
    for number, (_, one) in enumerate(rows):
        worked = "" if one.step == "wait" else f"; {one.seconds:.2f} s in all, {one.cpu:.2f} s CPU"
        axes.text(one.wall + 0.01 * longest, number, f"{one.wall:.2f} s, {one.share:.1%}{worked}", va="center",
                  fontsize=8)
    axes.set_xlim(0, 1.42 * longest)  # room for the text
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    label_rows(axes, [label for label, _ in rows])


def beside(folder: Path) -> Path:
    """Where the picture of a profile goes if nobody says: beside its folder.

    Examples
    --------
    >>> beside(Path("runs/talk.profile/")).name
    'talk.profile.png'
    """
    whole = Path(os.path.abspath(folder))
    return folder.parent / f"{whole.name}.png" if folder.name else whole.parent / f"{whole.name}.png"
