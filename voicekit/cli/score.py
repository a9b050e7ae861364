"""``voicekit score``: how good a result is, against a reference."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib import metadata
from typing import TYPE_CHECKING

import click

from voicekit.errors import UsageError

if TYPE_CHECKING:
    from voicekit.scoring import diarization, transcript

AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")

COLLARS = (0.0, 0.25)
"""Seconds: what is shown where no collar is asked for."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def score() -> None:
    """Compare a result with a reference: who spoke when, or what was said."""


@score.command("diarization")
@click.argument("reference", metavar="REF.rttm")
@click.argument("hypothesis", metavar="HYP.rttm")
@click.option("--uem", metavar="FILE", help="What to score: lines 'recording channel start end'.")
@click.option("--collar", type=float, metavar="S",
              help="Seconds around each boundary that are not scored, both sides together. [default: 0 and 0.25]")
@click.option("--skip-overlap", is_flag=True, help="Only the scores without overlapped speech. [default: both]")
@AS_JSON
def score_diarization(reference: str, hypothesis: str, uem: str | None, collar: float | None, skip_overlap: bool,
                      as_json: bool) -> None:
    """DER and JER of one RTTM file against another, by pyannote.metrics.

    Recordings are matched by name, speakers so that the error is smallest.
    """
    from voicekit.scoring import diarization
    from voicekit.scoring.rttm_files import read_rttm, read_uem

    if collar is not None and not 0 <= collar < math.inf:
        raise UsageError(f"--collar {collar:g} is no collar.", "Give seconds, for example --collar 0.25.")
    definitions = [diarization.Definition(width, skip) for width in (COLLARS if collar is None else (collar,))
                   for skip in ((True,) if skip_overlap else (False, True))]
    turns, found = read_rttm(reference), read_rttm(hypothesis)
    result = diarization.score(turns, found, read_uem(uem) if uem else None, definitions)
    if as_json:
        click.echo(json.dumps(_diarization_document(result, uem is not None), ensure_ascii=False, indent=1))
        return
    for one in result.recordings:
        seconds = sum(span.duration for span in one.region)
        click.echo(f"{one.recording}: {one.speakers} speakers, {one.found} found; {seconds:.1f} s are scored"
                   + ("" if uem else ", from the first to the last turn (no --uem)"))
        _diarization_table(one.scores)
    if len(result.recordings) > 1:
        click.echo(f"All {len(result.recordings)} recordings")
        _diarization_table(result.overall)
    click.echo(click.wrap_text(diarization.COLLAR_DEFINITION, 100))
    for warning in result.warnings:
        click.echo(f"Note: {warning}")


def _diarization_table(scores: tuple[diarization.Score, ...]) -> None:
    click.echo("  collar  overlap       DER   missed  false alarm  confusion      JER    speech")
    for one in scores:
        parts = [_percent(part / one.speech if one.speech else None)
                 for part in (one.missed, one.false_alarm, one.confusion)]
        overlap = "left out" if one.definition.skip_overlap else "scored"
        click.echo(f"  {one.definition.collar:4.2f} s  {overlap:8} {_percent(one.der):>8} {parts[0]:>8} "
                   f"{parts[1]:>12} {parts[2]:>10} {_percent(one.jer):>8} {one.speech:7.1f} s")


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.2f} %"


def _diarization_document(result: diarization.DiarizationScores, with_regions: bool) -> dict[str, object]:
    from voicekit.scoring.diarization import COLLAR_DEFINITION

    def numbers(one: diarization.Score) -> dict[str, object]:
        return {"collar": one.definition.collar, "skip_overlap": one.definition.skip_overlap,
                "der": _rounded(one.der), "jer": _rounded(one.jer),
                **{name: round(getattr(one, name), 3) for name in ("speech", "missed", "false_alarm", "confusion")}}

    return {
        "schema": "voicekit.diarization_score/1",
        "collar_definition": COLLAR_DEFINITION,
        "region": "uem" if with_regions else "first to last turn",
        "recordings": [{"recording": one.recording, "speakers": one.speakers, "found": one.found,
                        "region": [[round(span.start, 3), round(span.end, 3)] for span in one.region],
                        "scores": [numbers(each) for each in one.scores]} for one in result.recordings],
        "overall": [numbers(each) for each in result.overall],
        "warnings": list(result.warnings),
        "computed_by": {"pyannote.metrics": metadata.version("pyannote.metrics")},
    }


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 6)


@score.command("transcript")
@click.argument("reference", metavar="REF")
@click.argument("hypothesis", metavar="HYP")
@click.option("--language", metavar="CODE", help="Of both, for the rules by which words are compared. "
                                                 "[default: what the files say]")
@click.option("--speakers/--no-speakers", "with_speakers", default=True,
              help="cpWER and tcpWER as well, where both sides know speakers. [default: yes]")
@AS_JSON
def score_transcript(reference: str, hypothesis: str, language: str | None, with_speakers: bool,
                     as_json: bool) -> None:
    """WER and CER of one transcript against another; with speakers, cpWER and tcpWER.

    Both are txt, stm, or json (voicekit's own, or SegLST).
    """
    from voicekit.languages import language_code
    from voicekit.scoring import transcript
    from voicekit.scoring.utterances import read_said

    said, heard = read_said(reference), read_said(hypothesis)
    result = transcript.score(said, heard, language_code(language) if language else None, with_speakers=with_speakers)
    if as_json:
        click.echo(json.dumps(_transcript_document(result), ensure_ascii=False, indent=1))
        return
    for one in result.recordings:
        click.echo(one.recording or "transcript")
        _transcript_table(one)
    if len(result.recordings) > 1:
        click.echo(f"All {len(result.recordings)} recordings")
        _transcript_table(result.overall)
    click.echo("Compared after: " + "; ".join(result.normaliser)
               + (f". Language: {result.language}." if result.language else "."))
    if result.overall.tcp_wer is not None:
        click.echo(f"tcpWER: words match if their times are at most {transcript.TCP_COLLAR:g} s apart.")
    for note in result.notes:
        click.echo(f"Note: {note}")


_TEXT_MEASURES = {"wer": ("WER", "words"), "cer": ("CER", "characters"), "cp_wer": ("cpWER", "words"),
                  "tcp_wer": ("tcpWER", "words")}


def _transcript_table(one: transcript.TextScores) -> None:
    for name, (title, unit) in _TEXT_MEASURES.items():
        errors: transcript.Errors | None = getattr(one, name)
        if errors is not None:
            click.echo(f"  {title:6} {_percent(errors.rate):>9}   {errors.substituted} substituted, {errors.deleted} "
                       f"deleted, {errors.inserted} inserted; {errors.length} {unit} in the reference")


def _transcript_document(result: transcript.TranscriptScores) -> dict[str, object]:
    from voicekit.scoring.transcript import TCP_COLLAR

    def numbers(one: transcript.TextScores) -> dict[str, object]:
        found = {name: getattr(one, name) for name in _TEXT_MEASURES}
        return {name: None if errors is None else {"rate": _rounded(errors.rate), **dataclasses.asdict(errors)}
                for name, errors in found.items()}

    versions = {"jiwer": metadata.version("jiwer")}
    if result.overall.cp_wer is not None:
        versions["meeteval"] = metadata.version("meeteval")
    return {
        "schema": "voicekit.transcript_score/1",
        "language": result.language,
        "normaliser": list(result.normaliser),
        "tcp_collar": TCP_COLLAR,
        "recordings": [{"recording": one.recording, **numbers(one)} for one in result.recordings],
        "overall": numbers(result.overall),
        "notes": list(result.notes),
        "computed_by": versions,
    }
