"""``--config FILE.toml``: the options by the same names, from a file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from voicekit.errors import UsageError


def apply(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Make the file's values the defaults; what is on the command line still wins.

    A click callback of an eager option.

    Raises
    ------
    UsageError
        If the file cannot be read, is not TOML, or names an option that does not exist.
    """
    if value is None:
        return None
    try:
        table = tomllib.loads(Path(value).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The configuration {value} cannot be read: {error.strerror}.",
                         "Check the path after --config.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration {value} is not TOML: {error}.",
                         'A line looks like: chunks = 2 or: language = "ru"') from error
    known = {_name_of(one): one for one in context.command.params
             if isinstance(one, click.Option) and one.name not in ("config", "help", "version")}
    unknown = [key for key in table if key.replace("_", "-") not in known]
    if unknown:
        raise UsageError(f"The configuration {value} has an unknown option: {unknown[0]}.",
                         f"It may have: {', '.join(sorted(known))}.")
    defaults = {known[key.replace("_", "-")].name: _as_argument(key, entry, known[key.replace("_", "-")])
                for key, entry in table.items()}
    context.default_map = {**(context.default_map or {}), **{k: v for k, v in defaults.items() if k}}
    return value


def _name_of(option: click.Option) -> str:
    return max(option.opts, key=len).lstrip("-")


def _as_argument(key: str, entry: Any, option: click.Option) -> Any:
    """What click takes as the default of this option."""
    entries = entry if isinstance(entry, list) else [entry]
    wrong = [one for one in entries
             if isinstance(one, bool) != option.is_flag or not isinstance(one, (str, int, float))]
    if wrong or (isinstance(entry, list) and not option.multiple and key != "formats"):
        wanted = "true or false" if option.is_flag else "a text or a number"
        raise UsageError(f"The configuration's {key} must be {wanted}, not {entry!r}.",
                         "Write it as on the command line, without the dashes.")
    if option.multiple:
        return [str(one) for one in entries]
    return ",".join(map(str, entries)) if key == "formats" else entry
