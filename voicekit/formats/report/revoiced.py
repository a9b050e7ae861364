"""The recording in its new voice: how near it is, who speaks now, and what became of each sentence."""

from __future__ import annotations

from statistics import median

from voicekit.formats.report import markup
from voicekit.formats.report.material import Material
from voicekit.spoken import SentenceEntry, Voicing

_MEASURES = {
    "f0_rmse": ("F0 RMSE", "cents", "distance of the melody; lower is nearer"),
    "f0_rmse_fine": ("F0 RMSE without gross errors", "cents", "the same without the pitch tracker's mistakes"),
    "f0_correlation": ("Correlation of log F0", "", "1 is the same melody"),
    "gross_pitch_error": ("Gross pitch error", "%", "share of frames more than 20 % off"),
    "voicing_error": ("Voicing error", "%", "share of frames voiced in one only"),
    "energy_correlation": ("Correlation of energy", "", "1 is the same loudness over time"),
    "overlap": ("Overlap of speech", "%", "share of the original's speech during which the new voice speaks"),
    "overlap_back": ("Overlap of speech, back", "%", "share of the new speech during which the original speaks"),
    "duration_error": ("Difference in length", "samples", "0 is exactly as long"),
    "voiced_frames": ("Frames compared", "", "voiced in both"),
    "round_trip_wer": ("Word error rate", "%", "of the new voice, recognised again"),
    "own_wer": ("Word error rate of the voice alone", "%", "without the original's melody and pace"),
    "wer_above_own": ("Word error rate above the voice's own", "%", "what melody and pace cost"),
}


def charts(material: Material) -> str:
    """Where the script draws pitch and energy; empty where neither was measured."""
    kinds = [("pitch", "Pitch"), ("energy", "Energy")]
    drawn = [f'<figure class="chart"><figcaption>{title}</figcaption><canvas id="{kind}" role="img" '
             f'aria-label="{title} of the sound round the moment that is played"></canvas></figure>'
             for kind, title in kinds if any(getattr(track, kind) for track in material.tracks)]
    if not drawn:
        return ""
    names = "".join(f'<li class="track{number}">{markup.name(track.name)}</li>'
                    for number, track in enumerate(material.tracks))
    return f'<div class="charts scripted"><ul class="legend">{names}</ul>{"".join(drawn)}</div>'


def section(voicing: Voicing | None, material: Material) -> str:
    """The section of the page; empty where nothing was spoken again, and nothing measured."""
    drawn = charts(material)
    if voicing is None:
        if not drawn:
            return ""
        return ('<section id="voice" aria-labelledby="voice-title"><h2 id="voice-title">Pitch and energy</h2>'
                f"{drawn}</section>")
    missed = "".join(f'<p class="notice">{markup.text(told)}</p>' for told in voicing.missed)
    return ('<section id="voice" aria-labelledby="voice-title"><h2 id="voice-title">The new voice</h2>'
            f"{missed}{drawn}{_voices(voicing)}{_measures(voicing)}{_ledger(voicing)}</section>")


def _voices(voicing: Voicing) -> str:
    rows = "".join(
        f'<tr><th scope="row">{markup.name(label or "everybody")}</th>'
        f"<td>{markup.name(f'{voice.engine}:{voice.name}')}</td><td>{markup.text(voice.licence)}"
        f'{"" if voice.commercial else " (not for commercial use)"}</td></tr>'
        for label, voice in voicing.voices.items())
    return markup.table(("Speaker", "Voice", "Licence"), rows) if rows else ""


def _measures(voicing: Voicing) -> str:
    rows = []
    for key, value in voicing.measures.items():
        label, unit, meaning = _MEASURES.get(key, (key.replace("_", " "), "", ""))
        shown = f"{value:.1%}" if unit == "%" else f"{value:,.4g} {unit}".strip()
        rows.append(f'<tr><th scope="row">{markup.text(label)}</th><td class="number">{markup.text(shown)}</td>'
                    f"<td>{markup.text(meaning)}</td></tr>")
    if not rows:
        return ""
    table = markup.table(("Measure", "Value", "Meaning"), "".join(rows), numbers=("Value",))
    return f"<h3>How near it is</h3>{table}"


def _ledger(voicing: Voicing) -> str:
    told = [entry for entry in voicing.sentences if entry.status != "spoken" or entry.notes]
    counts = {status: sum(entry.status == status for entry in voicing.sentences)
              for status in ("spoken", "skipped", "failed")}
    paces = [entry.pace for entry in voicing.sentences if entry.status == "spoken"]
    summary = (f"<h3>Sentences</h3><p>{markup.count(counts['spoken'], 'sentence')} spoken"
               + (f" (median pace {median(paces):.2f})" if paces else "")
               + "".join(f", {counts[status]} {status}" for status in ("skipped", "failed") if counts[status])
               + ".</p>")
    if not told:
        return summary
    table = markup.table(("At", "What became of it", "Sentence", "Why", "Pace"), "".join(map(_sentence, told)),
                         numbers=("Pace",), kind="stacked")
    return (f'{summary}<details{" open" if counts["failed"] else ""}><summary>'
            f"{markup.count(len(told), 'sentence')} to know of</summary>"
            f"{table}</details>")


def _sentence(entry: SentenceEntry) -> str:
    why = "; ".join(part for part in (entry.reason, *entry.notes) if part)
    pace = f"{entry.pace:.2f}" if entry.status == "spoken" else "-"
    return (f'<tr class="{markup.text(entry.status)}"><td>{markup.moment(entry.start)}</td>'
            f'<td class="fate">{markup.text(entry.status)}</td>'
            f'<td class="why" dir="auto">{markup.text(entry.text)}</td>'
            f'<td class="why">{markup.name(why)}</td><td class="number">{pace}</td></tr>')
