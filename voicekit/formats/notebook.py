"""What a notebook shows of a transcript: the head of it, small, without a script, on dark and on light ground.

Nothing is said about the ground it stands on: text has the notebook's own colour, and whatever has a colour of its
own brings its background along. There are no classes and no style sheet, which would get mixed with the notebook's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from voicekit.formats.report import markup, speaking
from voicekit.formats.report.colours import LIGHT
from voicekit.types import LedgerEntry, Segment, Transcript

SEGMENTS = 20
"""Segments that are shown; the others are counted."""

LEDGER = 3
"""Stretches that were not transcribed and are named; the others are counted."""

_LONGEST = 1000
"""Characters of a segment: an engine that goes round in circles must not fill the notebook."""

_NAME = 60
"""Characters of a name."""

_BOX = ("font-family:system-ui,sans-serif;font-size:14px;line-height:1.5;max-width:56em;padding:.6em .9em;"
        "border:1px solid rgba(128,128,128,.45);border-radius:6px;overflow-wrap:anywhere")
_ROW = "display:flex;gap:.8em;align-items:baseline;margin:.15em 0"
_TIME = "flex:none;min-width:3.8em;text-align:end;font-variant-numeric:tabular-nums;opacity:.75"
_PILL = "flex:none;border-radius:1em;padding:0 .6em;font-size:.88em;color:#fff;background:"
_NOTE = "margin:.5em 0 0;padding:.2em .7em;border-inline-start:3px solid "
_BAD, _DOUBTFUL = "#c62828", "#b26a00"


def notebook(transcript: Transcript) -> str:
    """The beginning of a transcript as a piece of HTML, for :meth:`Transcript._repr_html_`.

    Parameters
    ----------
    transcript : Transcript
        Its texts, names and times may be anything.

    Returns
    -------
    str
        One ``div``, at most some 60 kB, that needs and loads nothing.

    Examples
    --------
    >>> print(notebook(transcript))  # doctest: +SKIP
    <div style="..."><div><strong><bdi>talk.mp3</bdi></strong></div>...
    """
    order = {label: number for number, label in enumerate(speaking.speakers(transcript))}
    shown = transcript.segments[:SEGMENTS]
    rows = "".join(_segment(segment, order, transcript.language.code) for segment in shown)
    left = len(transcript.segments) - len(shown)
    if left:
        rows += f'<div style="{_ROW}"><span style="{_TIME}"></span><span>… and {left:,} more</span></div>'
    if not transcript.segments:
        rows = f'<div style="{_ROW}">No words.</div>'
    return (f'<div style="{_BOX}"><div><strong>{markup.name(_short(transcript.source.name))}</strong></div>'
            f'<div style="opacity:.8">{_facts(transcript)}</div>{_speakers(transcript, order)}'
            f'{"".join(_notes(transcript))}<div style="margin-top:.6em">{rows}</div></div>')


def _facts(transcript: Transcript) -> str:
    language, run = transcript.language, transcript.run
    sure = f" ({language.probability:.0%} sure)" if language.probability is not None else ""
    model = f"{run.engine} {run.model_name}".strip()
    words = sum(len(speaking.tokens(segment)) for segment in transcript.segments)
    facts = [markup.length(transcript.source.duration), f"language {language.code}{sure}",
             markup.count(words, "word"), f"{model} on {run.device}"]
    return " · ".join(f"<bdi>{markup.text(_short(fact))}</bdi>" for fact in facts)


def _speakers(transcript: Transcript, order: Mapping[str, int]) -> str:
    pills = "".join(f'<span style="white-space:nowrap">{_pill(one.speaker, order)} {one.share:.0%}</span>'
                    for one in speaking.shares(transcript)[:SEGMENTS])
    more = f"<span>… and {len(order) - SEGMENTS} more</span>" if len(order) > SEGMENTS else ""
    line = "display:flex;flex-wrap:wrap;gap:.3em 1em;margin-top:.4em"
    return f'<div style="{line}">{pills}{more}</div>' if pills else ""


def _notes(transcript: Transcript) -> Iterator[str]:
    """What is missing."""
    failed = transcript.failed
    if failed:
        seconds = sum(markup.finite(entry.end - entry.start) for entry in failed)
        named = "; ".join(map(_failure, failed[:LEDGER]))
        more = f"; … and {len(failed) - LEDGER:,} more" if len(failed) > LEDGER else ""
        yield f'<p style="{_NOTE}{_BAD}">Not transcribed: {markup.length(seconds)}. {named}{more}</p>'
    if transcript.partial:
        yield f'<p style="{_NOTE}{_DOUBTFUL}">Part of the source could not be decoded.</p>'


def _failure(entry: LedgerEntry) -> str:
    reason = f" (<bdi>{markup.text(_short(entry.reason, 200))}</bdi>)" if entry.reason else ""
    return f"{markup.clock(entry.start)}–{markup.clock(entry.end)}{reason}"


def _segment(segment: Segment, order: Mapping[str, int], language: str) -> str:
    label = speaking.who(segment)
    pill = _pill(label, order) if label else ""
    text = markup.text(_short(segment.text, _LONGEST))
    return (f'<div style="{_ROW}"><span style="{_TIME}">{markup.clock(segment.start)}</span>{pill}'
            f'<span dir="auto" lang="{markup.text(language)}" style="flex:1;min-width:0">{text}</span></div>')


def _pill(label: str, order: Mapping[str, int]) -> str:
    return f'<span style="{_PILL}{LIGHT[order[label] % len(LIGHT)]}">{markup.name(_short(label))}</span>'


def _short(text: str, most: int = _NAME) -> str:
    return text if len(text) <= most else text[:most - 1].rstrip() + "…"
