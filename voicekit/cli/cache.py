"""``voicekit cache``: what earlier runs have kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from voicekit.errors import EXIT_DONE, EXIT_FAILED, OutputError, UsageError

if TYPE_CHECKING:
    from voicekit.store.upkeep import Pruned

FOLDER = click.option("--cache", "folder", metavar="FOLDER",
                      help="[default: $VOICEKIT_CACHE, or voicekit in your cache folder]")

_UNITS = {"": 1, "K": 10 ** 3, "M": 10 ** 6, "G": 10 ** 9, "T": 10 ** 12}

Answer = TypeVar("Answer")


def size(text: str) -> int:
    """Bytes.

    Examples
    --------
    >>> size("1.5GB"), size("200 mb"), size("0")
    (1500000000, 200000000, 0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise UsageError(f"{text!r} is no size.", "For example --max-size 2GB, or --max-size 500MB.")
    return round(float(match[1]) * _UNITS[match[2]])


def _shown(number: int) -> str:
    for unit, name in ((10 ** 9, "GB"), (10 ** 6, "MB"), (10 ** 3, "kB")):
        if number >= unit:
            return f"{number / unit:.1f} {name}"
    return f"{number} bytes"


def _ask(folder: str | None, question: Callable[[Path], Answer]) -> Answer | None:
    """An answer about the folder, or None where there is none yet."""
    from voicekit.store import default_folder, is_ours

    place = Path(folder) if folder else default_folder()
    click.echo(f"Cache     {place}")
    try:
        if not is_ours(place):
            raise UsageError(f"{place} is a folder, but no cache of voicekit.", "Say another one with --cache.")
        if not (place / "results").is_dir():
            click.echo("Nothing is kept there yet.")
            return None
        return question(place)
    except OSError as error:
        raise OutputError(f"The cache {place} cannot be used: {error.strerror or error}.",
                          "Look after the disk, or say another folder with --cache.") from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cache() -> None:
    """What earlier runs have kept: how much, whether it is whole; and making it smaller."""


@cache.command("stats")
@FOLDER
def stats(folder: str | None) -> None:
    """Say how much is kept."""
    from voicekit.store import upkeep

    found = _ask(folder, upkeep.stats)
    if found is None:
        return
    click.echo(f"Results   {found.entries}, {_shown(found.bytes)}")
    if found.oldest is not None:
        click.echo(f"Oldest    last used {found.oldest / 86400:.1f} days ago")
    click.echo(f"Running   {found.running} recordings are being worked on")
    click.echo(f"Damaged   {found.damaged} files were set aside")


@cache.command("verify")
@FOLDER
def verify(folder: str | None) -> int:
    """Read everything; set aside what is damaged. Exit code 3 if anything was."""
    from voicekit.store import upkeep

    found = _ask(folder, upkeep.verify)
    if found is None:
        return EXIT_DONE
    good, bad = found
    click.echo(f"Results   {good} are whole, {bad} were not and are set aside in the folder damaged")
    return EXIT_FAILED if bad else EXIT_DONE


@cache.command("prune")
@click.option("--max-size", required=True, metavar="SIZE", help="What may stay, for example 2GB or 500MB.")
@FOLDER
def prune(folder: str | None, max_size: str) -> None:
    """Remove what was not used for longest, until the rest is small enough."""
    from voicekit.store import upkeep

    most = size(max_size)
    _tell(_ask(folder, lambda place: upkeep.prune(place, most)))


@cache.command("clear")
@FOLDER
def clear(folder: str | None) -> None:
    """Remove everything that no running job needs."""
    from voicekit.store import upkeep

    _tell(_ask(folder, upkeep.clear))


def _tell(done: Pruned | Any) -> None:
    if done is None:
        return
    click.echo(f"Removed   {done.removed} results, {_shown(done.removed_bytes)}")
    click.echo(f"Left      {done.left} results, {_shown(done.left_bytes)}"
               + (f"; {done.in_use} of them because running jobs use them" if done.in_use else ""))
