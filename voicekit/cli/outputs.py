"""Where the results of each input go, decided and tried out before anything heavy runs.

Nothing is worse than an hour of transcription that ends with "permission denied".
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from voicekit import formats as file_types
from voicekit.errors import OutputError, UsageError
from voicekit.formats import voicing as sound_types
from voicekit.placing import explain, is_stream, temporary_beside

DEFAULT_FORMATS = ("txt", "srt", "json")
"""What is written where neither ``-o`` nor the formats say anything else."""

DEFAULT_SOUND = "mp3"
"""What is written beside those where another voice is asked for."""


PAGE = "html"
"""The type of the page to look at, which can hold the sound as well."""


class InputLike(Protocol):
    """What is asked of an input."""

    @property
    def path(self) -> Path:
        """Where its bytes are."""
        ...

    @property
    def name(self) -> str:
        """Its file name, without a folder."""
        ...

    @property
    def stdin(self) -> bool:
        """Whether it came through standard input, and so has no folder."""
        ...


Input = TypeVar("Input", bound=InputLike)


@dataclass(frozen=True, slots=True)
class Target:
    """One file to write.

    Attributes
    ----------
    path : Path
        Where.
    extension : str
        Its type, as :func:`voicekit.formats.write` takes it.
    """

    path: Path
    extension: str


@dataclass(frozen=True, slots=True)
class OutputPlan(Generic[Input]):
    """Where the results of one input go.

    Attributes
    ----------
    input : InputLike
        The input.
    targets : tuple of Target
        What to write; empty where there is an error.
    notices : tuple of str
        What the user should know, such as an unexpected name.
    error : OutputError or None
        Why this input must not be started.
    """

    input: Input
    targets: tuple[Target, ...] = ()
    notices: tuple[str, ...] = ()
    error: OutputError | None = None


def plan(inputs: Sequence[Input], outputs: Sequence[str], formats: Sequence[str] | None,
         overwrite: bool, *, several: bool = False, spoken: bool = False) -> list[OutputPlan[Input]]:
    """Decide the output files of every input, and make sure that they can be written.

    Missing folders are made. A file is put into each folder and removed again, to see whether
    that is possible.

    Parameters
    ----------
    inputs : sequence of InputLike
        What will be transcribed.
    outputs : sequence of str
        The values of ``-o``: none, to write beside each input; for one input any number of files,
        whose extensions say the type, and of folders; for several inputs one folder.
    formats : sequence of str or None
        The types that go beside the input or into a folder; None is :data:`DEFAULT_FORMATS`.
    overwrite : bool
        Whether existing files may be replaced. An input never is.
    several : bool
        Whether more than one input was asked for, also where only one could be found: what ``-o`` means
        must not depend on that.
    spoken : bool
        Whether there will be another voice, so that sound can be written.

    Returns
    -------
    list of OutputPlan
        One per input, in order. One with an error does not keep the others from running.

    Raises
    ------
    UsageError
        If the options make no sense; nothing has been touched then.

    Examples
    --------
    >>> for item in plan(inputs, ["subtitles/"], ["srt"], overwrite=False):  # doctest: +SKIP
    ...     print(item.input.name, item.error or item.targets[0].path)
    interview.mp3 subtitles/interview.srt
    """
    default = (*DEFAULT_FORMATS, DEFAULT_SOUND) if spoken else DEFAULT_FORMATS
    types = tuple(dict.fromkeys(_type(name) for name in formats or default))
    several = several or len(inputs) > 1
    places = [_place(output, formats, several=several) for output in outputs]
    if not spoken:
        _refuse_sounds(places, types)
    if several and len(outputs) > 1:
        raise UsageError("Several inputs need one folder for their results, not several -o.",
                         "Say one folder, for example -o results/")
    unused = sorted(set(types) - {place.extension for place in places if isinstance(place, Target)})
    ignored = bool(formats and unused and places) and all(isinstance(place, Target) for place in places)

    names = _names(inputs, next((place for place in places if isinstance(place, Path)), None))
    checks = _Checks(inputs, overwrite)
    plans = []
    for item, name in zip(inputs, names, strict=True):
        notices = []
        if name != _stem(item):
            notices.append(f"Another input would give results of the same name, so those of {item.name} "
                           f"are called {name}.{types[0]}" + (" and so on." if types[1:] else "."))
        if ignored:
            notices.append(f"The extensions given with -o decide the formats: no {', '.join(unused)}.")
        targets = list(_targets(item, name, places, types))
        try:
            plans.append(OutputPlan(item, checks.passed(item, targets), tuple(notices)))
        except OutputError as error:
            plans.append(OutputPlan(item, error=error))
    return plans


def _place(output: str, formats: Sequence[str] | None, *, several: bool) -> Path | Target:
    """What a value of ``-o`` means: a folder, or a file and its type."""
    if not output or "\0" in output:
        raise UsageError(f"-o {output!r} is not a path.", "Say a file or a folder, for example -o talk.srt")
    path = Path(output)
    # os.path, for Path.is_dir raises where a folder on the way may not be entered.
    folder = os.path.isdir(path)
    if folder or output.endswith(tuple(filter(None, (os.sep, os.altsep)))):
        if several and not folder and os.path.lexists(path):
            raise UsageError(f"-o {output} is a file, and several inputs need a folder.",
                             "Say a folder, for example -o results/")
        return path
    if several:
        if path.suffix or os.path.lexists(path):
            raise UsageError(f"-o {output} is a file, and several inputs need a folder.",
                             "Say a folder, for example -o results/ (with the / at its end).")
        return path
    extension = path.suffix.removeprefix(".").lower()
    if path.name.lower().endswith("." + sound_types.REPORT):
        return Target(path, sound_types.REPORT)
    if extension in (*file_types.extensions(), *sound_types.extensions()):
        return Target(path, extension)
    if is_stream(path) and len(formats or ("txt",)) == 1:
        return Target(path, _type((formats or ("txt",))[0]))
    known = ", ".join((*file_types.extensions(), *sound_types.extensions()))
    problem = f"has the unknown extension {path.suffix!r}" if path.suffix else "has no extension"
    raise UsageError(f"-o {output} {problem}, and the extension decides the format.",
                     f"Choose one of: {known}; or end it with / if it is a folder.")


def _refuse_sounds(places: Sequence[Path | Target], types: Sequence[str]) -> None:
    """Without a voice there is nothing that sound could be made of."""
    named = [str(place.path) for place in places if isinstance(place, Target) and is_sound(place.extension)]
    if not places or any(isinstance(place, Path) for place in places):
        named += filter(is_sound, types)
    if named:
        raise UsageError(f"{named[0]} would hold a voice, and none is asked for.",
                         "Add --voice, for example --voice espeak; voicekit voices list shows what there is.")


def wants_page(outputs: Sequence[str], formats: Sequence[str]) -> bool:
    """Whether a page is among what is asked for.

    Examples
    --------
    >>> wants_page(["talk.html"], ()), wants_page(["results/"], ["txt", "srt"])
    (True, False)
    """
    return any(name.lower().endswith(f".{PAGE}") for name in outputs) or any(
        name.lower().removeprefix(".") == PAGE for name in formats)


def is_sound(extension: str) -> bool:
    """Whether a file of this type comes from the new voice, not from the transcript."""
    return extension in sound_types.extensions()


def _type(name: str) -> str:
    plain = name.removeprefix(".").lower()
    return plain if is_sound(plain) else file_types.lookup(name).extension


def _targets(item: InputLike, name: str, places: Sequence[Path | Target],
             types: Sequence[str]) -> Iterator[Target]:
    for place in places or [_home(item)]:
        if isinstance(place, Target):
            yield place
        else:
            for extension in types:
                # Beside talk.mp3 another talk.mp3 has no place.
                middle = ".voice" if is_sound(extension) and extension != sound_types.REPORT else ""
                yield Target(place / f"{name}{middle}.{extension}", extension)


def _home(item: InputLike) -> Path:
    return Path() if item.stdin else item.path.parent


def _full_name(item: InputLike) -> str:
    return "stdin" if item.stdin else Path(item.name).name or item.path.name


def _stem(item: InputLike) -> str:
    return "stdin" if item.stdin else Path(_full_name(item)).stem


def _names(inputs: Sequence[InputLike], folder: Path | None) -> list[str]:
    """The name of each input's results without extension: no two alike in one folder.

    An input keeps its stem where it is alone with it, else it takes its full name, else a number.
    """
    homes = [os.path.realpath(folder or _home(item)) for item in inputs]
    # Names that differ in capitals only are one file on many disks.
    stems = [(home, _stem(item).casefold()) for home, item in zip(homes, inputs, strict=True)]
    shared = Counter(stems)
    taken = {stem for stem in stems if shared[stem] == 1}
    names = []
    for item, home, stem in zip(inputs, homes, stems, strict=True):
        name = _stem(item)
        if shared[stem] > 1:
            name, number = _full_name(item), 2
            while (home, name.casefold()) in taken:
                name, number = f"{_full_name(item)}.{number}", number + 1
            taken.add((home, name.casefold()))
        names.append(name)
    return names


class _Checks:
    """Looks at each target once, and remembers what the inputs are and what was promised."""

    def __init__(self, inputs: Sequence[InputLike], overwrite: bool) -> None:
        self.overwrite = overwrite
        self.inputs = {_identity(item.path) for item in inputs if not item.stdin}
        self.promised: dict[str, str] = {}
        self.folders: dict[tuple[Path, bool], OutputError | None] = {}

    def passed(self, item: InputLike, targets: Sequence[Target]) -> tuple[Target, ...]:
        """The targets without repetitions; the first that cannot be written raises OutputError."""
        single: dict[str, Target] = {}
        for target in targets:
            single.setdefault(os.path.realpath(target.path), target)
        for real, target in single.items():
            other = self.promised.get(real)
            if other is not None:
                raise OutputError(f"{target.path} is already a result of {other}.",
                                  "Rename one of them, or choose another folder with -o.")
            try:
                self._look(target.path)
            except OSError as error:
                raise explain(error, target.path) from error
        for target in single.values():
            self._try_folder(target.path)
        self.promised.update(dict.fromkeys(single, item.name))
        return tuple(single.values())

    def _look(self, path: Path) -> None:
        if _identity(path) in self.inputs:
            raise OutputError(f"{path} is an input, and is never overwritten.",
                              "Choose another name or folder with -o.")
        if is_stream(path):
            if not os.access(path, os.W_OK):
                raise OutputError(f"Cannot write {path}: you may not.", "Choose another place with -o.")
            return
        try:
            linked = stat.S_ISLNK(path.lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return  # nothing there: what remains is whether its folder can be written
        if path.is_dir():
            raise OutputError(f"{path} is a folder.",
                              "Choose another name with -o, or end it with / to write into the folder.")
        if not self.overwrite:
            if linked and not path.exists():
                raise OutputError(f"{path} already exists: it is a link to a file that does not.",
                                  "Remove it, choose another name with -o, or add --overwrite.")
            raise OutputError(f"{path} already exists.",
                              "Add --overwrite to replace it, or choose another name with -o.")
        if path.exists() and not os.access(path, os.W_OK):
            raise OutputError(f"{path} exists and can only be read.",
                              "Make it writable, remove it, or choose another name with -o.")

    def _try_folder(self, path: Path) -> None:
        if is_stream(path):
            return
        linked = path.is_symlink()
        # A file is written where the link leads, and no folder is made out there.
        folder = Path(os.path.realpath(path)).parent if linked else path.parent
        if (folder, linked) not in self.folders:
            self.folders[folder, linked] = _trial(folder, make=not linked)
        error = self.folders[folder, linked]
        if error is not None:
            raise OutputError(error.message, error.hint) from error


def _identity(path: Path) -> tuple[int, int] | str:
    # The file itself where there is one: sees through links, and through capitals where the disk does.
    try:
        status = path.stat()
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def _trial(folder: Path, *, make: bool) -> OutputError | None:
    """Make the folder if it is missing, put an empty file into it and take it away again."""
    probe = temporary_beside(folder / "probe")
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with open(probe, "xb"):
                pass
        finally:
            with suppress(FileNotFoundError):
                probe.unlink()
    except OSError as error:
        return explain(error, folder)
    return None
