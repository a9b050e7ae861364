"""``voicekit voices``: who can speak; and what a run says of the voice it made."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from voicekit.cli.progress import count
from voicekit.errors import UsageError

if TYPE_CHECKING:
    from voicekit.spoken import Voice, Voicing


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def voices() -> None:
    """Voices that a recording can be spoken again with."""


@voices.command("list")
@click.option("--language", metavar="CODE", help="Only those that speak it.")
@click.option("--engine", metavar="NAME", help="Only this synthesizer's.")
def list_voices(language: str | None, engine: str | None) -> None:
    """List the voices, with the languages they speak and their licences."""
    from voicekit import voices as registry
    from voicekit.languages import language_code

    code = language_code(language) if language else None
    shown = 0
    for name in [engine] if engine else registry.names():
        adapter = registry.adapter(name)
        if not adapter.installed():
            click.echo(f"{name}: not installed. {adapter.how_to_install()}")
            continue
        found = [voice for voice in adapter.voices() if code is None or code in voice.languages]
        click.echo(f"{name}: {len(found)} voices" + (f" that speak {code}" if code else ""))
        for voice in found:
            click.echo(f"  {_line(voice, on_disk=adapter.find(voice) is not None)}")
        variants = adapter.variants(found[0]) if found else ()
        if variants:
            names = ", ".join(f"{one.engine}:{one.name}" for one in variants[:3])
            click.echo(f"  and each of them in {len(variants)} more ways: {names} ...")
        shown += len(found)
    if code and not shown:
        raise UsageError(f"No voice that is installed speaks {code}.", "Leave out --language to see all.")


def _line(voice: Voice, *, on_disk: bool) -> str:
    languages = ",".join(voice.languages[:3]) + (",..." if len(voice.languages) > 3 else "")
    notes = [voice.licence, *([] if voice.commercial else ["not for commercial use"]),
             *([] if on_disk else ["is fetched when it is used"])]
    return f"{voice.engine}:{voice.name:28} {languages:12} {voice.gender or '-':7} {'; '.join(notes)}"


_MEASURES = {
    "f0_rmse": "F0 RMSE {:.0f} cents", "f0_correlation": "log-F0 correlation {:.3f}",
    "gross_pitch_error": "gross pitch error {:.1%}", "voicing_error": "voicing decision error {:.1%}",
    "energy_correlation": "energy correlation {:.2f}", "duration_error": "duration error {:.0f} samples",
    "overlap": "overlap with the original's speech {:.1%}", "round_trip_wer": "round-trip WER {:.3f}",
    "own_wer": "the voice's own {:.3f}",
}


def lines(voicing: Voicing) -> Iterator[tuple[int, str]]:
    """What to say of a re-voiced recording: level, as in :mod:`logging`, and text."""
    said = [one for one in voicing.sentences if one.status == "spoken"]
    voices_used = ", ".join(dict.fromkeys(one.voice for one in said)) or "nobody"
    noted = [one for one in said if one.notes]
    skipped = [one for one in voicing.sentences if one.status == "skipped"]
    yield logging.INFO, f"{len(said)} of {count(len(voicing.sentences), 'sentence')} spoken by {voices_used}"
    if skipped:
        yield logging.WARNING, (f"silence instead of {count(len(skipped), 'sentence')}, for nothing there can be "
                                f"said. The first: {skipped[0].reason}")
    if noted:
        yield logging.WARNING, (f"{count(len(noted), 'sentence')} did not fit well (prosody.json has all). The "
                                f"first, at {noted[0].start:.1f} s: {noted[0].notes[0]}")
    if voicing.failed:
        yield logging.ERROR, (f"{count(len(voicing.failed), 'sentence')} could not be spoken: silence. The first, at "
                              f"{voicing.failed[0].start:.1f} s: {voicing.failed[0].reason}")
    if voicing.measures:
        yield logging.INFO, ", ".join(text.format(voicing.measures[name]) for name, text in _MEASURES.items()
                                      if name in voicing.measures)
    for miss in voicing.missed:
        yield logging.WARNING, f"target missed: {miss}"
