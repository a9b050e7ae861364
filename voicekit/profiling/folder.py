"""The folder of a profile: nothing that is not ours is ever removed."""

from __future__ import annotations

import contextlib
from pathlib import Path

from voicekit.errors import OutputError, UsageError
from voicekit.placing import explain
from voicekit.profiling.summary import FILE, is_profile, is_whole

PARTS = "parts"
STAGES = "stages"
PSTATS = "profile.pstats"
TRACE = "trace.json"

_HINT = "Say another one with --profile=DIR; what is an input must stand before --profile."


def claim(folder: Path, *, replace: bool) -> None:
    """Make a folder ready for a profile: found out now, not after the work.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    replace : bool
        Whether a profile that is there may be replaced. That of a run that did not come to its end, or found none of
        its inputs, always is, so that the command can be given again.

    Raises
    ------
    UsageError
        If there is something else in it, or a profile that is to stay.
    OutputError
        If it cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder, so no profile can be put there.", _HINT)
    try:
        if folder.exists() and any(folder.iterdir()) and not is_profile(folder):
            raise UsageError(f"{folder} holds other things, so no profile is put there.", _HINT)
        if is_whole(folder) and not replace:
            raise UsageError(f"{folder} holds a profile already.",
                             "Add --overwrite, or choose another folder with --profile=DIR.")
        folder.mkdir(parents=True, exist_ok=True)
        clear(folder)
    except OSError as error:
        raise explained(error, folder) from error


def clear(folder: Path) -> None:
    """Remove what a profile consists of; what else lies there stays."""
    for name in (FILE, PSTATS, TRACE):
        (folder / name).unlink(missing_ok=True)
    for name, patterns in ((STAGES, ("*.pstats",)), (PARTS, ("*.json", "*.pstats", "*.new"))):
        inner = folder / name
        if inner.is_symlink() or not inner.is_dir():
            continue
        for pattern in patterns:
            for path in inner.glob(pattern):
                path.unlink()
        with contextlib.suppress(OSError):  # something else lies there
            inner.rmdir()


def explained(error: OSError | OutputError, folder: Path) -> OutputError:
    """Why a profile cannot be written, and what to do."""
    ours = error if isinstance(error, OutputError) else explain(error, folder)
    return OutputError(ours.message, ours.hint.replace("-o.", "--profile=DIR.").replace("-o,", "--profile=DIR,"))
