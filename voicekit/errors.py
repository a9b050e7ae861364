"""Every error that voicekit raises on purpose, and the exit code each gives.

::

    VoicekitError                   exit code   meaning
    ├── UsageError                  2           an option or a combination of options is wrong
    ├── InputError                  2           this file cannot be transcribed
    │   ├── NotAudioError           2           no decodable sound in it
    │   └── RefusedInputError       2           a playlist or script that points at other files
    ├── OutputError                 2           the result cannot be written there
    ├── ModelError                  2           the model is not on disk and cannot be fetched
    │   └── EngineMissingError      2           the engine's package is not installed
    ├── DeviceError                 2           the device asked for cannot be used
    └── ProcessingError             3           something failed while running; the ledger says what

An error carries a message (what is wrong) and a hint (what to do about it). Errors cross
process borders, so both live in ``args``.
"""

from __future__ import annotations

import errno

EXIT_DONE = 0
EXIT_BAD_INPUT = 2
EXIT_FAILED = 3
EXIT_INTERRUPTED = 130

DISK_FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
"""What the system says where there is no more room: on the disk, in the file, in the quota."""


class VoicekitError(Exception):
    """Root of the tree.

    Parameters
    ----------
    message : str
        What is wrong, in one sentence.
    hint : str, optional
        What the user can do about it.
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(VoicekitError):
    """An option, or a combination of options, is wrong."""

    exit_code = EXIT_BAD_INPUT


class InputError(VoicekitError):
    """This input cannot be transcribed."""

    exit_code = EXIT_BAD_INPUT


class NotAudioError(InputError):
    """There is no decodable sound in this file."""


class RefusedInputError(InputError):
    """The file is a playlist or a script that points at other files."""


class OutputError(VoicekitError):
    """The result cannot be written there."""

    exit_code = EXIT_BAD_INPUT


class ModelError(VoicekitError):
    """The model is not on disk and cannot be fetched."""

    exit_code = EXIT_BAD_INPUT


class EngineMissingError(ModelError):
    """The package of this engine is not installed."""


class DeviceError(VoicekitError):
    """The device asked for cannot be used."""

    exit_code = EXIT_BAD_INPUT


class ProcessingError(VoicekitError):
    """Something failed while running."""

    exit_code = EXIT_FAILED
