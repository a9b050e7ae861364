"""The commands: one file each. Nothing here imports a model library before a command needs it."""

from __future__ import annotations

import sys

import click

from voicekit.version import __version__
from voicekit.cli.bench import bench
from voicekit.cli.cache import cache
from voicekit.cli.doctor import doctor
from voicekit.cli.failure import guarded
from voicekit.cli.models import models
from voicekit.cli.profile import profile
from voicekit.cli.plot import plot
from voicekit.cli.run import run
from voicekit.cli.score import score
from voicekit.cli.speakers import speakers
from voicekit.cli.voices import voices


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="voicekit")
def voicekit() -> None:
    """Parallel voice processing: the same words whatever the chunks and workers."""


voicekit.add_command(run)
voicekit.add_command(doctor)
voicekit.add_command(models)
voicekit.add_command(voices)
voicekit.add_command(speakers)
voicekit.add_command(cache)
voicekit.add_command(score)
voicekit.add_command(profile)
voicekit.add_command(plot)
voicekit.add_command(bench)


def main() -> None:
    """The console script ``voicekit``."""
    sys.exit(guarded(voicekit, "voicekit"))


def run_parallel() -> None:
    """``run_parallel.py``: the command ``run`` without its name."""
    sys.exit(guarded(run, "run_parallel.py"))
