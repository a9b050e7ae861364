"""How a command ends: a clear error with its exit code, and no traceback unless it was asked for."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import traceback

import click

from voicekit.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, VoicekitError


def explained(error: BaseException) -> str:
    """An error as one or two lines: what is wrong, and what to do."""
    if isinstance(error, VoicekitError):
        return f"{error.message}\n  {error.hint}" if error.hint else error.message
    return f"{type(error).__name__}: {error}\n  This is a bug in voicekit. Run again with -v to see where."


def verbose() -> bool:
    """Whether ``-v`` was given, also where the arguments were not understood."""
    arguments = sys.argv[1:]
    before_names = arguments[:arguments.index("--")] if "--" in arguments else arguments
    return any(one in ("-v", "--verbose") for one in before_names)


def json_wanted() -> bool:
    """Whether ``--log-format json`` was given, also where the arguments were not understood."""
    return "--log-format=json" in sys.argv or "json" in [
        value for name, value in zip(sys.argv, sys.argv[1:]) if name == "--log-format"]


def say(text: str, prefix: str = "Error: ") -> None:
    """The last word, on standard error, in the form that was asked for."""
    if json_wanted():
        record = {"time": round(time.time(), 3), "level": "error" if prefix else "info", "message": text}
        text, prefix = json.dumps(record), ""
    with contextlib.suppress(OSError, ValueError):
        click.echo(prefix + text, err=True)


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


def _interrupt(number: int, _: object) -> None:
    """The first time everything is brought to an end; whoever cannot wait for that asks twice."""
    signal.signal(number, _now)
    raise KeyboardInterrupt


def _now(number: int, _: object) -> None:
    # Workers see that this process is gone and end; its temporary folder is removed by the next run.
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(sys.stderr.fileno(), b"\x1b[?25h\n")  # the cursor, which the progress bar had hidden
    os._exit(EXIT_INTERRUPTED)


def guarded(command: click.Command, name: str) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    command : click.Command
        Returns an exit code, or None for success.
    name : str
        What the program is called in its help.
    """
    for name_of_signal in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name_of_signal, None)
        # An exception, so that workers and temporary files are cleaned up on the way out; but nohup's
        # wish to live on is respected.
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        code = command.main(prog_name=name, standalone_mode=False)
        return code if isinstance(code, int) else EXIT_DONE
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.ClickException as error:
        if json_wanted():
            say(error.format_message())
        else:
            error.show()
        return EXIT_BAD_INPUT
    except SystemExit as ending:  # click's own, where the reader of our output is gone; or a signal's
        return EXIT_FAILED if ending.code == 1 else int(ending.code or 0)
    except (KeyboardInterrupt, click.Abort):
        say("Interrupted.", prefix="")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output is gone; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if verbose():
            traceback.print_exc()
        say(explained(error))
        return error.exit_code if isinstance(error, VoicekitError) else EXIT_FAILED
