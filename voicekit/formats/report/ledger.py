"""What was not transcribed, and why."""

from __future__ import annotations

from voicekit.formats.report import markup
from voicekit.types import LedgerEntry, Transcript

_FATES = {"failed": "failed", "empty": "no words"}


def seconds(transcript: Transcript, status: str) -> float:
    """Seconds of detected speech of which that became."""
    return sum(markup.finite(entry.end - entry.start) for entry in transcript.ledger if entry.status == status)


def notice(transcript: Transcript) -> str:
    """What has to be said before anything else; empty where all is well."""
    parts = []
    if transcript.failed:
        parts.append(f"{markup.length(seconds(transcript, 'failed'))} of speech could not be transcribed. "
                     '<a href="#ledger">What and why</a>')
    if transcript.partial:
        parts.append("Part of the file could not be decoded, so the recording may be longer than this page knows.")
    speakers = transcript.run.speakers
    if speakers is not None and speakers.failed:
        parts.append("In parts of the recording nobody was told apart. "
                     '<a href="#making">How it was made</a> says where.')
    return "".join(f'<p class="notice">{part}</p>' for part in parts)


def section(transcript: Transcript) -> str:
    """The section of the page."""
    whole = sum(markup.finite(entry.end - entry.start) for entry in transcript.ledger)
    head = '<section id="ledger" aria-labelledby="ledger-title"><h2 id="ledger-title">What was left out</h2>'
    if not transcript.ledger:
        return f"{head}<p>No speech was found in this recording, so nothing was left out.</p></section>"
    done, empty, failed = (seconds(transcript, status) for status in ("transcribed", "empty", "failed"))
    summary = (f"<p>Speech was found in {markup.count(len(transcript.ledger), 'stretch', 'stretches')}, "
               f"{markup.length(whole)} in all.</p>"
               '<svg class="stack" role="img" aria-label="Shares of the speech that was found">'
               '<rect width="100%" height="100%" class="empty"/>'
               f'<rect width="{markup.percent(done, whole)}" height="100%" class="done"/>'
               f'<rect x="{markup.percent(whole - failed, whole)}" width="{markup.percent(failed, whole)}" '
               'height="100%" class="failed"/><rect height="100%" fill="url(#hatch)" '
               f'x="{markup.percent(whole - failed, whole)}" width="{markup.percent(failed, whole)}"/></svg>'
               f'<ul class="legend"><li class="done">transcribed {_part(done, whole)}</li>'
               f'<li class="empty">no words {_part(empty, whole)}</li>'
               f'<li class="failed">failed {_part(failed, whole)}</li></ul>')
    missing = [entry for entry in transcript.ledger if entry.status != "transcribed"]
    if not missing:
        return f"{head}{summary}<p>Nothing was left out: every stretch of speech has words.</p></section>"
    return f"{head}{summary}{_table(missing)}</section>"


def _part(seconds: float, whole: float) -> str:
    return f"{markup.length(seconds)} ({seconds / whole:.1%})" if whole else markup.length(seconds)


def _table(missing: list[LedgerEntry]) -> str:
    rows = "".join(
        f'<tr class="{markup.text(entry.status)}"><td>{markup.moment(entry.start)}</td>'
        f'<td class="number">{markup.length(entry.end - entry.start)}</td>'
        f'<td class="fate">{_FATES[entry.status]}</td>'
        f'<td class="why">{markup.name(entry.reason or "the engine heard no words")}</td>'
        f'<td class="number">{entry.window}</td></tr>'
        for entry in sorted(missing, key=lambda entry: (entry.status != "failed", entry.start)))
    return markup.table(("At", "Length", "What became of it", "Why", "Window"), rows, numbers=("Length", "Window"),
                        kind="stacked")
