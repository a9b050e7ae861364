"""A transcript as a picture: who speaks when, how sure the words are, what is missing, who did the work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voicekit.formats.report import markup, speaking
from voicekit.formats.report.colours import LIGHT, STAGES
from voicekit.plotting.canvas import BAD, FAINT, INK, shown
from voicekit.plotting.panels import AROUND, ROW, Panel, clock_axis, label_rows, legend, length, moment, stack
from voicekit.provenance import TimelineEntry, worker_name
from voicekit.types import LedgerEntry, Transcript, Turn

WIDTH = 1600
"""Pixels."""

ROWS = 24
"""Speakers and workers that get a row each; the others are told in number."""

_WORDS = 1.35
"""Inches: of the panel of words."""

_SMOOTH = 41
"""Words whose median is drawn as a line: two or three sentences."""

_LEDGER = {"transcribed": "#9aa5b1", "empty": "#e2e5e9", "failed": BAD}


def plot(transcript: Transcript, target: Path, *, width: int = WIDTH) -> None:
    """Draw a transcript into a PNG file, which appears when it is whole; one that exists is replaced.

    Speakers have the colours of the page that ``-o out.html`` writes.

    Parameters
    ----------
    transcript : Transcript
        With or without words, speakers and a timeline: what is not there is left out.
    target : Path
        Its folder must exist.
    width : int
        Pixels; the height follows from what there is to show.

    Raises
    ------
    EngineMissingError
        If matplotlib is not installed.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> plot(voicekit.formats.read("talk.json"), Path("talk.png"))  # doctest: +SKIP
    """
    names = speaking.speakers(transcript)
    colours = {name: LIGHT[number % len(LIGHT)] for number, name in enumerate(names)}
    turns = speaking.turns_of(transcript)
    whole = max([markup.finite(transcript.source.duration), *(turn.end for turn in turns),
                 *(markup.finite(entry.end) for entry in transcript.ledger)]) or 1.0
    rows = _rows(transcript, names, turns)
    panels = [Panel(AROUND + ROW * len(rows), lambda axes: _speech(axes, rows, colours, whole))]
    if transcript.ledger:
        panels.append(Panel(AROUND + ROW, lambda axes: _ledger(axes, transcript.ledger, whole)))
    if transcript.words:
        panels.append(Panel(AROUND + _WORDS, lambda axes: _probability(axes, transcript, colours, whole)))
    if names:
        shares = speaking.shares(transcript)
        panels.append(Panel(AROUND + ROW * min(len(shares), ROWS), lambda axes: _shares(axes, shares, colours)))
    if transcript.run.timeline:
        lanes = _lanes(transcript.run.timeline)
        panels.append(Panel(AROUND + ROW * len(lanes), lambda axes: _timeline(axes, lanes)))
    run = transcript.run
    stack(transcript.source.name, f"{length(transcript.source.duration)} · language {transcript.language.code} · "
          f"{run.engine} {run.model_name} on {run.device}", panels, target, width)


def _rows(transcript: Transcript, names: Sequence[str],
          turns: Sequence[Turn]) -> list[tuple[str, list[tuple[str, float, float]]]]:
    """Label, and (speaker, start, length) of each stretch; without speakers, of each segment."""
    if not names:
        return [("speech", [("", markup.finite(segment.start), markup.finite(segment.end - segment.start))
                            for segment in transcript.segments])]
    few, others = (names, ()) if len(names) <= ROWS else (names[:ROWS - 1], names[ROWS - 1:])
    rows = [(shown(name), [(name, turn.start, turn.end - turn.start) for turn in turns if turn.speaker == name])
            for name in few]
    nobody = [("", markup.finite(segment.start), markup.finite(segment.end - segment.start))
              for segment in transcript.segments if not speaking.who(segment)]
    if others:
        rows.append((f"{len(others)} more", [(turn.speaker, turn.start, turn.end - turn.start) for turn in turns
                                             if turn.speaker in others]))
    return rows + ([("nobody", nobody)] if nobody else [])


def _speech(axes: Any, rows: Sequence[tuple[str, list[tuple[str, float, float]]]], colours: dict[str, str],
            whole: float) -> None:
    axes.set_title("Who speaks when" if colours else "Where words are")
    for number, (_, stretches) in enumerate(rows):
        least = whole / 2000  # a pixel or so: nothing that was said may vanish
        bars = [(start, max(duration, least)) for _, start, duration in stretches]
        axes.broken_barh(bars, (number - 0.36, 0.72), linewidth=0,
                         facecolors=[colours.get(speaker, FAINT) for speaker, _, _ in stretches])
    label_rows(axes, [label for label, _ in rows])
    clock_axis(axes, whole)


def _ledger(axes: Any, ledger: Sequence[LedgerEntry], whole: float) -> None:
    axes.set_title("What became of the speech")
    seconds = dict.fromkeys(_LEDGER, 0.0)
    for status, colour in _LEDGER.items():
        spans = [(markup.finite(entry.start), markup.finite(entry.end - entry.start)) for entry in ledger
                 if entry.status == status]
        seconds[status] = sum(duration for _, duration in spans)
        least = whole / (300 if status == "failed" else 2000)  # a failure must be seen
        axes.broken_barh([(start, max(duration, least)) for start, duration in spans], (-0.36, 0.72), linewidth=0,
                         facecolors=colour, edgecolors="white", hatch="////" if status == "failed" else None)
    label_rows(axes, ["ledger"])
    clock_axis(axes, whole)
    marks = [(_LEDGER[status], f"{status} {length(total)}") for status, total in seconds.items() if total]
    legend(axes, marks if seconds["failed"] else [*marks, ("white", "nothing failed")])


def _probability(axes: Any, transcript: Transcript, colours: dict[str, str], whole: float) -> None:
    axes.set_title("How sure the engine is of each word")
    words = sorted((markup.finite(word.start), min(markup.finite(word.probability), 1.0),
                    colours.get(word.speaker or speaking.who(segment), FAINT))
                   for segment in transcript.segments for word in segment.words)
    times = np.array([start for start, _, _ in words])
    sure = np.array([probability for _, probability, _ in words])
    many = min(len(words) / 4000, 1.0)
    axes.scatter(times, sure, s=9 - 6 * many, c=[colour for _, _, colour in words], alpha=0.55 - 0.3 * many,
                 linewidths=0, clip_on=False)
    if len(words) >= 2 * _SMOOTH:
        windows = np.lib.stride_tricks.sliding_window_view(sure, _SMOOTH)
        middles = times[_SMOOTH // 2:_SMOOTH // 2 + len(windows)]
        axes.plot(middles, np.median(windows, axis=1), color=INK, linewidth=1.1)
        legend(axes, [(INK, f"median of {_SMOOTH} words")])
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    axes.grid(axis="y")
    axes.tick_params(axis="y", colors=FAINT, labelsize=8)
    clock_axis(axes, whole)


def _shares(axes: Any, shares: Sequence[speaking.Share], colours: dict[str, str]) -> None:
    axes.set_title("Speaking time")
    most = sorted(shares, key=lambda share: -share.seconds)[:ROWS]
    axes.barh(range(len(most)), [share.seconds for share in most], height=0.72,
              color=[colours[share.speaker] for share in most])
    longest = max(share.seconds for share in most) or 1.0
    for number, share in enumerate(most):
        axes.text(share.seconds + 0.01 * longest, number,
                  f"{length(share.seconds)}, {_percent(share.share)}; {markup.count(share.turns, 'turn')}, "
                  f"{markup.count(share.words, 'word')}", va="center", fontsize=8)
    axes.set_xlim(0, 1.42 * longest)  # room for the text
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    label_rows(axes, [shown(share.speaker) for share in most])


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "below 1%"


def _lanes(timeline: Sequence[TimelineEntry]) -> list[tuple[str, list[TimelineEntry]]]:
    """The work of each worker, the parent process first."""
    workers = sorted({entry.worker for entry in timeline}, key=lambda worker: -1 if worker is None else worker)
    lanes = [(worker_name(worker), [entry for entry in timeline if entry.worker == worker]) for worker in workers]
    if len(lanes) > ROWS:
        rest = [entry for _, entries in lanes[ROWS - 1:] for entry in entries]
        lanes = [*lanes[:ROWS - 1], (f"{len(lanes) - ROWS + 1} more", rest)]
    return lanes


def _timeline(axes: Any, lanes: Sequence[tuple[str, list[TimelineEntry]]]) -> None:
    axes.set_title("Who worked when")
    end = max(markup.finite(entry.ended) for _, entries in lanes for entry in entries) or 1.0
    for number, (_, entries) in enumerate(lanes):
        # Pieces of one batch were done together: one block.
        blocks = {(markup.finite(one.began), markup.finite(one.ended - one.began), one.stage, one.fate)
                  for one in entries}
        for began, duration, stage, fate in sorted(blocks):
            colour = STAGES.get(stage, FAINT)
            axes.broken_barh([(began, max(duration, end / 1500))], (number - 0.36, 0.72), linewidth=0.6,
                             facecolors={"done": colour, "found": "white", "lost": "white"}[fate],
                             edgecolors={"done": "white", "found": colour, "lost": BAD}[fate],
                             hatch="xxxx" if fate == "lost" else None)
    label_rows(axes, [label for label, _ in lanes])
    clock_axis(axes, end)
    axes.xaxis.set_major_formatter(lambda at, _: moment(at) if end >= 120 else f"{at:g} s")
    entries = [entry for _, lane in lanes for entry in lane]
    stages = dict.fromkeys(entry.stage for entry in entries if entry.stage in STAGES)
    marks = [(STAGES[stage], stage) for stage in stages]
    marks += [(FAINT, "once for the recording")] if any(entry.stage not in STAGES for entry in entries) else []
    marks += [("white", "from the cache")] if any(entry.fate == "found" for entry in entries) else []
    marks += [(BAD, "lost with its worker")] if any(entry.fate == "lost" for entry in entries) else []
    legend(axes, marks)
