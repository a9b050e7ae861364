"""``--profile`` of the main job, and ``voicekit profile``: where the time went."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

_SECRET = ("hf_token",)
"""What is not written down."""


def is_folder(argument: str) -> bool:
    """Whether what follows ``--profile`` is its folder; an input otherwise.

    A folder that is there is meant as the folder, so that a mistake is told and not transcribed.
    """
    from voicekit.cli.inputs import MEDIA_EXTENSIONS

    if argument.startswith(("-", "@")) or "://" in argument or any(mark in argument for mark in "*?["):
        return False
    return not os.path.isfile(argument) and os.path.splitext(argument)[1].lower() not in MEDIA_EXTENSIONS


def default_folder(first: str) -> Path:
    """Where the profile goes if nobody says: in the current folder, named after the first input.

    Examples
    --------
    >>> default_folder("talks/interview.mp3").name, default_folder("-").name, default_folder("@list.txt").name
    ('interview.profile', 'stdin.profile', 'voicekit.profile')
    """
    if first == "-":
        return Path("stdin.profile")
    plain = first.isprintable() and not first.startswith("@") and not any(mark in first for mark in "*?[")
    stem = Path(first).absolute().stem if plain else ""
    return Path(f"{stem or 'voicekit'}.profile")


@contextlib.contextmanager
def recorded(arguments: Mapping[str, Any]) -> Iterator[None]:
    """Profile the main job while it runs, if that was asked for.

    Raises
    ------
    UsageError, OutputError
        If the folder cannot be used; nothing was done then.
    """
    if arguments["profile"] is None:
        yield
        return
    from voicekit.profiling.session import Session

    folder = Path(arguments["profile"]) if arguments["profile"] else default_folder(arguments["inputs"][0])
    session = Session(folder, replace=arguments["overwrite"], options=_given(arguments), program=True)
    try:
        with session:
            yield
    finally:
        if session.written:
            logging.getLogger("voicekit").info("Profile: voicekit profile show %s", folder)


def _given(arguments: Mapping[str, Any]) -> dict[str, object]:
    """What the user said, by the options' names; where a secret was given, only that it was."""
    context = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    said = {name: value for name, value in arguments.items()
            if name not in ("profile", "overwrite") and context.get_parameter_source(name) is not default}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    return {name.replace("_", "-"): "(given)" if name in _SECRET else value for name, value in plain.items()}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def profile() -> None:
    """Where the time of a run went, as --profile has measured it."""


@profile.command("show")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--top", type=click.IntRange(0, 50), default=5, show_default=True, metavar="N",
              help="Functions of each stage, by own and by cumulative time.")
@click.option("--stage", metavar="NAME", help="Functions of this stage only.")
@click.option("--json", "as_json", is_flag=True, help="All figures, for programs.")
def show(folder: Path, top: int, stage: str | None, as_json: bool) -> None:
    """Print which component is slowest, its share of the time, and what would help."""
    from voicekit.cli import profile_tables as tables
    from voicekit.profiling.summary import load

    summary = load(folder)
    for line in tables.as_json(summary) if as_json else tables.shown(summary, folder, top, stage):
        click.echo(line)


@profile.command("compare")
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The figures, for programs.")
def compare(before: Path, after: Path, as_json: bool) -> None:
    """Print what became faster or slower from the profile A to the profile B."""
    from voicekit.cli import profile_comparison as comparison
    from voicekit.profiling.summary import load

    first, second = load(before), load(after)
    for line in comparison.as_json(first, second) if as_json else comparison.shown(first, second):
        click.echo(line)
