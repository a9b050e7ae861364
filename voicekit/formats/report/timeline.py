"""Which worker did what, and when: a row of blocks for each worker, and what each stage took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from voicekit.formats.report import markup, speaking
from voicekit.provenance import Fate, TimelineEntry, worker_name

TITLED = 3000
"""Blocks; where there are more, they have no titles, which are most of the page then."""

_CLASSES = {"transcribe": "transcribe", "diarize": "diarize", "speak": "speak"}
_PIECES = {"transcribe": ("window", "windows"), "diarize": ("stretch", "stretches"),
           "speak": ("sentence", "sentences")}
_FATES: dict[Fate, str] = {"done": "", "found": "found in the cache", "lost": "lost with its worker"}


@dataclass(frozen=True, slots=True)
class Block:
    """Pieces of work that were done together.

    Attributes
    ----------
    pieces : tuple of TimelineEntry
        Never empty; of one stage, worker, batch and fate, and of the same time.
    """

    pieces: tuple[TimelineEntry, ...]

    @property
    def title(self) -> str:
        """What it is, in words."""
        first = self.pieces[0]
        what = first.stage
        if len(self.pieces) > 1 or first.index is not None:
            one, many = _PIECES.get(first.stage, ("piece", "pieces"))
            indices = [entry.index for entry in self.pieces if entry.index is not None]
            span = f"{min(indices)}-{max(indices)}" if len(set(indices)) > 1 else f"{indices[0]}" if indices else ""
            what += f", {many if len(self.pieces) > 1 else one} {span}".rstrip()
        start, end = min(entry.start for entry in self.pieces), max(entry.end for entry in self.pieces)
        taken = markup.finite(first.ended) - markup.finite(first.began)
        fate = _FATES.get(first.fate, first.fate)
        return (f"{what}: {markup.clock(start)} to {markup.clock(end)} of the recording, "
                f"{f'{fate}, ' if fate else ''}{markup.length(taken)}, "
                f"{markup.finite(first.began):.1f} s into the run")


def blocks(timeline: Sequence[TimelineEntry]) -> list[Block]:
    """What was done together, as one block each, in order of time."""
    together: dict[tuple[object, ...], list[TimelineEntry]] = defaultdict(list)
    for entry in timeline:
        # What the store had is there all at once, so its pieces are one block and not a pile of them.
        batch = None if entry.fate == "found" else entry.batch
        together[entry.stage, entry.worker, batch, entry.began, entry.ended, entry.fate].append(entry)
    return sorted((Block(tuple(pieces)) for pieces in together.values()), key=lambda block: block.pieces[0].began)


def section(timeline: Sequence[TimelineEntry]) -> str:
    """The section of the page; empty where nothing was noted."""
    found = blocks(timeline)
    if not found:
        return ""
    whole = max(max(markup.finite(entry.ended) for entry in timeline), 0.001)
    workers = sorted({entry.worker for entry in timeline}, key=lambda worker: (worker is not None, worker or 0))
    titled = len(found) <= TITLED
    rows = []
    for worker in workers:
        drawn = "".join(_drawn(block, whole, titled) for block in found if block.pieces[0].worker == worker)
        rows.append(f'<div class="lane"><span class="label">{worker_name(worker)}</span><svg>{drawn}</svg></div>')
    return ('<section id="timeline" aria-labelledby="timeline-title"><h2 id="timeline-title">Who worked when</h2>'
            f'<p>{markup.count(sum(worker is not None for worker in workers), "worker")}, '
            f"{markup.length(whole)}. A block is what was done together.</p>"
            f'<figure class="lanes work">{"".join(rows)}{speaking.axis(whole)}</figure>'
            f"{_legend(timeline)}{_totals(found)}</section>")


def _drawn(block: Block, whole: float, titled: bool) -> str:
    first = block.pieces[0]
    began, ended = markup.finite(first.began), markup.finite(first.ended)
    place = f'x="{markup.percent(began, whole)}" width="{markup.percent(max(ended - began, whole / 400), whole)}"'
    title = f"<title>{markup.text(block.title)}</title>" if titled else ""
    fate = first.fate if first.fate in _FATES else "done"
    hatch = f'<rect {place} height="100%" fill="url(#hatch)" pointer-events="none"/>' if fate == "lost" else ""
    return (f'<rect {place} height="100%" rx="2" class="{_CLASSES.get(first.stage, "other")} {fate}">{title}</rect>'
            f"{hatch}")


def _legend(timeline: Sequence[TimelineEntry]) -> str:
    stages = dict.fromkeys(_CLASSES.get(entry.stage, "other") for entry in timeline)
    fates = dict.fromkeys(entry.fate for entry in timeline if entry.fate != "done")
    items = [f'<li class="{stage}">{stage if stage != "other" else "once for the whole recording"}</li>'
             for stage in stages]
    items += [f'<li class="{fate}">{_FATES[fate]}</li>' for fate in fates if fate in _FATES]
    return f'<ul class="legend">{"".join(items)}</ul>'


def _totals(found: Sequence[Block]) -> str:
    stages = dict.fromkeys(block.pieces[0].stage for block in found)
    rows = []
    for stage in stages:
        mine = [block for block in found if block.pieces[0].stage == stage]
        counts = {fate: sum(len(block.pieces) for block in mine if block.pieces[0].fate == fate) for fate in _FATES}
        busy = sum(markup.finite(block.pieces[0].ended) - markup.finite(block.pieces[0].began) for block in mine)
        rows.append(f'<tr><th scope="row">{markup.text(stage)}</th>'
                    + "".join(f'<td class="number">{counts[fate] or "-"}</td>' for fate in _FATES)
                    + f'<td class="number">{markup.length(busy)}</td></tr>')
    numbers = ("Done", "In cache", "Lost", "Work of all workers")
    return markup.table(("Stage", *numbers), "".join(rows), numbers=numbers)
