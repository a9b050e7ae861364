"""From what was typed to the files to work on: files, folders, globs, lists and standard input.

One bad argument does not stop the others: errors come back together with the good inputs.
"""

from __future__ import annotations

import glob
import os
import re
import select
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from voicekit.errors import InputError, OutputError, VoicekitError
from voicekit.types import InputFile

MEDIA_EXTENSIONS = frozenset("""
.3g2 .3ga .3gp .aa .aac .aax .ac3 .aif .aifc .aiff .amr .ape .asf .au .avi .awb .caf .dff .dsf .dss .dts .dv
.eac3 .f4v .flac .flv .gsm .m2ts .m2v .m4a .m4b .m4p .m4r .m4v .mka .mkv .mov .mp1 .mp2 .mp3 .mp4 .mpa .mpc
.mpeg .mpg .mts .mxf .nut .oga .ogg .ogm .ogv .oma .opus .qcp .ra .rf64 .rm .rmvb .snd .spx .tak .tta .ts .voc .vob
.w64 .wav .wave .webm .wma .wmv .wtv .wv
""".split())
"""What is picked up from a folder; a file that is named itself may have any extension."""

STDIN_NAME = "stdin"
_SPOOL_BLOCK = 1 << 20

_LONGEST_LIST = 64 << 20
"""Bytes; more is no list of paths."""

_LONGEST_LINE = 4096
"""Characters; no system takes longer paths, and looking for patterns in longer ones takes forever."""

_BAD_LINES = 20
"""So many bad lines of a list are told one by one."""

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://|file:/", re.ASCII | re.IGNORECASE)

_SLASH = f"[{re.escape(os.sep + (os.altsep or ''))}]"
_ANY_FOLDERS = re.compile(
    rf"(?P<before>(?:.*?{_SLASH})??)\*\*(?:{_SLASH}+\*\*)*(?:{_SLASH}+(?P<behind>.*))?", re.DOTALL)
"""The first ``**`` of a pattern."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """What became of all arguments.

    Attributes
    ----------
    inputs : tuple of InputFile
        In the order of the arguments, each file once.
    errors : tuple of VoicekitError
        One for each argument, or line of a list, that gave nothing.
    """

    inputs: tuple[InputFile, ...]
    errors: tuple[VoicekitError, ...]


def expand(arguments: Sequence[str], folder: Path) -> Expanded:
    """Find the files that arguments stand for.

    An argument is a file; a folder, searched with its subfolders for files with a media extension,
    hidden ones left out; a glob, with ``**``; ``@list.txt``, a text file with one path to a line,
    relative to its own folder;
    or ``-`` for standard input. A file that exists is taken literally, whatever its name looks like.

    Parameters
    ----------
    arguments : sequence of str
        As typed; bytes that are no UTF-8 as surrogates.
    folder : Path
        Where standard input is spooled to.

    Returns
    -------
    Expanded
        Files that can be tried, and an error for each argument that gave none. Nothing is raised
        for a bad argument: errors are :class:`voicekit.errors.InputError`, or
        :class:`voicekit.errors.OutputError` where there is no room for standard input.

    Examples
    --------
    >>> found = expand(["talk.mp3", "interviews/", "@more.txt"], Path("/tmp"))  # doctest: +SKIP
    >>> [one.name for one in found.inputs]  # doctest: +SKIP
    ['talk.mp3', 'ann.wav', 'bob.wav']
    """
    found: dict[str, InputFile] = {}
    errors: list[VoicekitError] = []
    spooled = False
    for argument in arguments:
        try:
            if argument == "-":
                if spooled:
                    raise InputError("Standard input was given more than once.", "Give '-' once.")
                spooled = True
                path = _spool(folder)
                found[str(path)] = InputFile(path, STDIN_NAME, stdin=True)
            elif argument.startswith("@") and not os.path.lexists(argument):
                for one in _listed(argument[1:], errors):
                    _add(found, one)
            else:
                for one in _named(argument, "", errors):
                    _add(found, one)
        except VoicekitError as error:
            errors.append(error)
    return Expanded(tuple(found.values()), tuple(errors))


def _add(found: dict[str, InputFile], path: str) -> None:
    key = os.path.normcase(os.path.realpath(path))
    found.setdefault(key, InputFile(Path(path), _printable(os.path.basename(path))))


def _printable(text: str) -> str:
    """Show bytes that are no UTF-8 as question marks, so that any file can hold the name."""
    return os.fsencode(text).decode("utf-8", "replace")


def _shown(text: str) -> str:
    """As much of a name as belongs in a message."""
    return _printable(text if len(text) <= 300 else f"{text[:200]}... ({len(text)} characters)")


def _named(argument: str, base: str, errors: list[VoicekitError]) -> list[str]:
    """The files of one argument, relative to the folder ``base``."""
    path = os.path.join(base, argument)
    shown = _shown(path)
    if not argument or "\0" in argument:
        raise InputError("An empty name, or one with a NUL in it, is no file.",
                         "Look for an unset variable in the command.")
    if os.path.isdir(path):
        files = sorted(_search(path, errors), key=_sorting)
        if not files:
            raise InputError(f"There is no sound or video file in the folder {shown}.",
                             "Name the files themselves if their extension is unusual.")
        return files
    if os.path.exists(path):
        return [path]
    if os.path.islink(path):
        raise InputError(f"{shown} is a link to a file that does not exist.", "Check what it points to.")
    if _ADDRESS.match(argument):
        raise _address(argument)
    if glob.has_magic(argument):
        return _matches(argument, base, shown, errors)
    raise InputError(f"There is no file or folder {shown}.", "Check the name, and the folder you are in.")


def _address(argument: str) -> InputError:
    """What to tell about an address where a path belongs."""
    shown = _shown(argument)
    if argument.lower().startswith("file:"):
        return InputError(f"{shown} is an address; only paths are taken.",
                          f"Write it as a path: {_shown(unquote(urlsplit(argument).path))}")
    return InputError(f"{shown} is an address on a network, and only files are read.",
                      "Download it first, or send it in, as in: curl ADDRESS | voicekit -")


def _matches(pattern: str, base: str, shown: str, errors: list[VoicekitError]) -> list[str]:
    """The files that a glob matches; folders among them are searched.

    Where the pattern does not end in an extension of its own, only media files are taken,
    so that ``talks/*`` does not try the notes that lie beside the recordings.
    """
    matches = list(_glob(pattern, base))
    if not matches:
        raise InputError(f"Nothing matches {shown}.", "Check the pattern, and the folder you are in.")
    extension = os.path.splitext(pattern)[1]
    anything = bool(extension) and not glob.has_magic(extension)
    files: set[str] = set()
    for path in matches:
        if os.path.isdir(path):
            files.update(_search(path, errors))
        elif anything or _is_media(path):
            files.add(path)
    if not files:
        raise InputError(f"Nothing that matches {shown} is a sound or video file.",
                         "Name the files themselves if their extension is unusual.")
    return sorted(files, key=_sorting)


def _glob(pattern: str, base: str) -> Iterator[str]:
    """Like glob.glob, but ``**`` does not follow links: two links to their own folder would never end."""
    split = _ANY_FOLDERS.fullmatch(pattern)
    if split is None:
        for found in glob.glob(pattern, root_dir=base or None):
            yield os.path.join(base, found)
        return
    for root in _glob(split["before"], base) if split["before"] else (base,):
        for where, folders, files in os.walk(root or os.curdir):
            folders[:] = [name for name in folders if not name.startswith(".")]
            inside = where if root else where[2:]  # without the ./ that nobody wrote
            if split["behind"]:
                yield from _glob(split["behind"], inside)
            else:
                yield from (os.path.join(inside, name) for name in files if not name.startswith("."))


def _search(folder: str, errors: list[VoicekitError]) -> Iterator[str]:
    """Media files in a folder and its subfolders, hidden ones left out."""

    def unreadable(error: OSError) -> None:
        where = _printable(str(error.filename))
        errors.append(InputError(f"The folder {where} cannot be read: {error.strerror}.",
                                 "Ask for permission to read it, or leave it out."))

    for where, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = os.path.join(where, name)
            if not name.startswith(".") and _is_media(name) and os.path.isfile(path):
                yield path


def _is_media(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in MEDIA_EXTENSIONS


def _sorting(path: str) -> list[str]:
    """Sort by folder, so that the files of one stay together."""
    return path.split(os.sep)


def _listed(path: str, errors: list[VoicekitError]) -> Iterable[str]:
    """The files that a list names; a bad line is an error of its own."""
    shown = _shown(path)
    text, base = _list_text(path, shown)
    files: list[str] = []
    bad, before = 0, len(errors)
    for number, line in enumerate(text.split("\n"), start=1):
        entry = line.removesuffix("\r")
        if not entry.strip() or entry.startswith("#"):
            continue
        try:
            found = _entry(entry, base, errors)
            if [os.path.normpath(one) for one in found] == [os.path.normpath(path)]:
                raise InputError("It names the list itself.", "Leave this line out.")
            files += found
        except InputError as error:
            bad += 1
            if bad <= _BAD_LINES:
                errors.append(InputError(f"Line {number} of the list {shown}: {error.message}", error.hint))
    if bad > _BAD_LINES:
        errors.append(InputError(f"{bad - _BAD_LINES} more lines of the list {shown} name no file.",
                                 "Check that it is a list of paths, relative to its own folder."))
    if not files and len(errors) == before:
        raise InputError(f"The list {shown} names no file.", "Write one path to a line.")
    return files


def _entry(entry: str, base: str, errors: list[VoicekitError]) -> list[str]:
    """The files of one line of a list in the folder ``base``."""
    if len(entry) > _LONGEST_LINE:
        raise InputError(f"{_shown(entry)} is too long for a path.", "Write one path to a line.")
    if not os.path.lexists(os.path.join(base, entry)):
        entry = entry.strip()  # spaces around a name are almost never part of it
        if not os.path.lexists(os.path.join(base, entry)):
            if entry == "-":
                raise InputError("Standard input cannot be named in a list.", "Give '-' on the command line.")
            if entry.startswith("@"):
                raise InputError(f"{_shown(entry)}: lists in lists are not followed.",
                                 "Give both lists on the command line.")
            entry = os.path.expanduser(entry)  # which a shell would do on the command line
    return _named(entry, base, errors)


def _list_text(path: str, shown: str) -> tuple[str, str]:
    """The text of a list, and the folder that it is relative to.

    That is its own, or, where it comes through a pipe, as of ``@<(find ...)``, the current one.
    """
    try:
        # A pipe that nobody writes to would not open otherwise.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb", buffering=0) as file:
            mode = os.fstat(handle).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(0, "Is a directory")
            if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
                raise OSError(0, "It is a device, not a file")
            content, base = _all_of(file), "" if stat.S_ISFIFO(mode) else os.path.dirname(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"The list {shown} cannot be read: {why}.",
                         "After @ comes the name of a text file with one path to a line.") from error
    if len(content) > _LONGEST_LIST:
        raise InputError(f"The list {shown} is longer than {_LONGEST_LIST >> 20} MB, so it is no list of paths.",
                         "After @ comes the name of a text file with one path to a line.")
    try:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):  # as PowerShell writes
            text = content.decode("utf-16")
        else:
            text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"The list {shown} is not a text file in UTF-8.",
                         "Save it as UTF-8, with one path to a line.")
    return text, base


def _all_of(file: BinaryIO) -> bytes:
    """What is in a file or comes through a pipe, and a little more than is taken."""
    content = bytearray()
    while len(content) <= _LONGEST_LIST:
        block = file.read(_SPOOL_BLOCK)
        if block is None:  # an open pipe with nothing in it yet
            select.select([file], [], [])
        elif block:
            content += block
        else:
            break
    return bytes(content)


def _spool(folder: Path) -> Path:
    """Copy standard input to a file, for decoding needs to seek."""
    source = None if sys.stdin is None else sys.stdin.buffer
    if source is None:
        raise InputError("Standard input is closed.", "Give a file instead of '-'.")
    if source.isatty():
        raise InputError("Standard input is a terminal, not a recording.",
                         "Send a file into it, as in: voicekit - < talk.mp3")
    handle, name = _temporary(folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb", buffering=0) as target:
            size = _copy(source, target, folder)
        if not size:
            raise InputError("Standard input is empty (0 bytes).",
                             "Check the command in front of it: it wrote nothing.")
    except BaseException:  # also an interrupt must not leave half a file
        path.unlink()
        raise
    return path


def _temporary(folder: Path) -> tuple[int, str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.mkstemp(prefix="voicekit-stdin-", dir=folder)
    except OSError as error:
        raise _no_room(folder, error) from error


def _copy(source: BinaryIO, target: BinaryIO, folder: Path) -> int:
    size = 0
    while True:
        try:
            block = source.read(_SPOOL_BLOCK)
        except OSError as error:
            raise InputError(f"Standard input cannot be read: {error.strerror}.",
                             "Give a file instead of '-'.") from error
        if not block:
            return size
        size += len(block)
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[target.write(rest):]
        except OSError as error:
            raise _no_room(folder, error) from error


def _no_room(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"Standard input cannot be stored in {_printable(str(folder))}: {error.strerror}.",
                       "Free some space, or choose another folder with --temp-dir.")
