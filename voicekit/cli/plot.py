"""``voicekit plot``: a transcript as a picture."""

from __future__ import annotations

import os
from pathlib import Path

import click

from voicekit.errors import OutputError, UsageError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", metavar="OUT.json|DIR")
@click.option("-o", "--output", metavar="FILE.png", help="[default: beside the input, with its name]")
@click.option("--width", type=click.IntRange(600, 8000), default=1600, show_default=True, metavar="PIXELS")
@click.option("--overwrite", is_flag=True, help="Replace an existing picture.")
def plot(source: str, output: str | None, width: int, overwrite: bool) -> None:
    """Draw who speaks when, what was not transcribed, how sure the words are and who did the work.

    OUT.json is a transcript that voicekit wrote; DIR what --profile wrote: then where the time went.
    """
    from voicekit import formats
    from voicekit.plotting import canvas, profile, transcript

    path = Path(source)
    is_profile = os.path.isdir(path)
    target = _target(path, output, overwrite, profile.beside(path) if is_profile else path.with_suffix(".png"))
    canvas.library()  # else told only after a long file was read
    if is_profile:
        profile.plot(path, target, width=width)
    else:
        transcript.plot(formats.read(path), target, width=width)
    click.echo(str(target))


def _target(source: Path, output: str | None, overwrite: bool, usual: Path) -> Path:
    """Where the picture goes, if it may."""
    if output == "-" or str(source) == "-":
        raise UsageError("A picture is made of a file and goes into a file, not through a pipe.",
                         "For example voicekit plot talk.json -o talk.png")
    target = Path(output) if output is not None else usual
    if target.suffix.lower() != ".png":
        raise UsageError(f"-o {target} is no name of a picture.", "It has to end in .png.")
    if os.path.lexists(target):
        if os.path.exists(source) and os.path.exists(target) and os.path.samefile(source, target):
            raise OutputError(f"{target} is the input, and is never overwritten.", "Choose another name with -o.")
        if not overwrite:
            raise OutputError(f"{target} already exists.",
                              "Add --overwrite to replace it, or choose another name with -o.")
    return target
