"""``voicekit speakers``: people who are known by their voices."""

from __future__ import annotations

from pathlib import Path

import click

from voicekit.cli.progress import count
from voicekit.errors import UsageError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def speakers() -> None:
    """People who are known by their voices, for --known-speakers."""


@speakers.command("add")
@click.argument("name")
@click.argument("sample", metavar="SAMPLE")
@click.option("--diarize", default="auto", show_default=True, metavar="ENGINE[:MODEL]",
              help="Who listens. Only the same engine with the same model recognises the voice again.")
@click.option("--hf-token", metavar="TOKEN", help="For a hub that asks who wants a model. [default: $HF_TOKEN]")
@click.option("--offline", is_flag=True, help="Never ask a model hub.")
def add(name: str, sample: str, diarize: str, hf_token: str | None, offline: bool) -> None:
    """Enrol a person from a recording in which he or she speaks alone: half a minute is good."""
    from voicekit import enrolment
    from voicekit.options import EngineOptions, RunOptions, SpeakerOptions
    from voicekit.running.listening import voice_of
    from voicekit.types import InputFile

    name = enrolment.check_name(name)
    if diarize == "off":
        raise UsageError("Somebody has to listen to the sample.", "Leave out --diarize, or name an engine.")
    path = Path(sample)
    options = RunOptions(engine=EngineOptions(offline=offline),
                         speakers=SpeakerOptions(diarize=diarize, token=hf_token))
    folder = enrolment.default_folder()
    heard = voice_of(InputFile(path, path.name or sample), options)
    for notice in heard.notices:
        click.echo(f"Warning: {notice}", err=True)
    before = enrolment.find(folder, name)
    person = enrolment.add(folder, name, heard.voice)
    what = "enrolled" if before is None else "enrolled again" if len(before.voices) == len(person.voices) else \
        "enrolled with another engine too"
    click.echo(f"{name}: {what}, from {heard.voice.seconds:g} s of speech, by {heard.voice.engine}")


@speakers.command("list")
def list_speakers() -> None:
    """List who is known."""
    from voicekit import enrolment

    folder = enrolment.default_folder()
    everybody = enrolment.people(folder)
    click.echo(f"{count(len(everybody), 'speaker')} in {folder}")
    for person in everybody:
        voices = "; ".join(f"{one.engine} {one.model}, {one.seconds:g} s" for one in person.voices)
        click.echo(f"  {person.name:24} {voices}")


@speakers.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def remove(names: tuple[str, ...]) -> None:
    """Forget people."""
    from voicekit import enrolment

    for name in names:
        enrolment.remove(enrolment.default_folder(), name)
        click.echo(f"{name}: removed")
