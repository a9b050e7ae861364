"""Where the time goes, scenario by scenario: every run profiled, as a table and a picture.

    python -m profiles.harness                            all of profiles/scenarios, written to profiles/results
    python -m profiles.harness normal diarize             some of them
    python -m profiles.harness --minutes 30 --models ~/models --results /tmp/results

A synthetic conversation (two voices of espeak-ng, as mp3) goes through the main job with ``--profile``. The models
have the true shapes of Whisper and random weights, with 80 tokens for every window: THEIR WORDS MEAN NOTHING, and
cost what real ones cost. They are made the first time, in half a minute and with 6 GB of memory for medium. Needs
espeak-ng and ``pip install -e ".[full,test]"``.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from profiles.profile_page import page
from tests import sound
from tests.commands import command, environment, voicekit
from tests.models import espeak, pico_cases
from voicekit.benchmark import models as random_models
from voicekit.profiling.summary import load

HERE = Path(__file__).parent
RATE = 16_000
TOKENS = 80
"""For every window, as in 30 s of English speech."""


@dataclass(frozen=True)
class Scenario:
    """One small file of ``profiles/scenarios``.

    Attributes
    ----------
    name, about : str
        The file's name, and what it shows.
    model : str
        Shape of the Whisper.
    options : tuple of str
        For the main job.
    files : int
        Into how many the recording is divided.
    warm : bool
        Whether the same command was run before, so that everything is in the cache.
    """

    name: str
    about: str
    model: str
    options: tuple[str, ...]
    files: int = 1
    warm: bool = False

    @staticmethod
    def read(path: Path) -> Scenario:
        """From its file."""
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
        return Scenario(path.stem, fields["about"], fields["model"], tuple(fields["options"]),
                        fields.get("files", 1), fields.get("warm", False))


def names() -> list[str]:
    """What there is."""
    return sorted(path.stem for path in (HERE / "scenarios").glob("*.toml"))


def recordings(folder: Path, minutes: float, files: int) -> list[Path]:
    """The conversation, in so many mp3 files of equal length."""
    whole = pico_cases.conversation(700, minutes * 60, "en").samples[:round(minutes * 60 * RATE)]
    if files == 1:
        return [sound.write(folder / "conversation.mp3", whole)]
    return [sound.write(folder / f"part{number:03}.mp3", part)
            for number, part in enumerate(np.array_split(whole, files))]


def model(shape: str, folder: Path) -> Path:
    """The folder of that model, made where it is missing."""
    path = folder / f"random-{shape}-{TOKENS}-tokens"
    if not (path / "model.bin").exists():
        random_models.write(shape, path, TOKENS, "ctranslate2", "int8", seed=1)
    return path


def profiled(scenario: Scenario, minutes: float, models: Path, folder: Path) -> tuple[Path, float]:
    """Run it; the folder of its profile, and the seconds of the whole command."""
    inputs = recordings(folder, minutes, scenario.files)
    arguments = [*map(str, inputs), "--model", str(model(scenario.model, models)), "--language", "en",
                 *scenario.options, "--overwrite", "-o", "out/", "--temp-dir", str(folder)]
    if "--voice" in scenario.options:
        arguments += ["--formats", "json,mp3"]
    env = environment(folder, VOICEKIT_CACHE=str(folder / "kept"))
    if scenario.warm:
        _run(command(*arguments), folder, env)
    began = time.monotonic()
    _run(command(*arguments, "--profile", "profile"), folder, env)
    return folder / "profile", time.monotonic() - began


def _run(line: list[str], folder: Path, env: dict[str, str]) -> None:
    done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(done.stderr)


def _for_people(scenario: Scenario) -> str:
    """The command, without the folders of this machine."""
    inputs = "conversation.mp3" if scenario.files == 1 else "conversation/"
    again = "    # for the second time" if scenario.warm else ""
    return (f"run_parallel.py {inputs} --model random-{scenario.model}-{TOKENS}-tokens --language en "
            f"{' '.join(scenario.options)} --profile{again}")


@click.command()
@click.argument("scenarios", nargs=-1, type=click.Choice(names()))
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0.5),
              help="Length of the recording.")
@click.option("--models", type=click.Path(file_okay=False, path_type=Path),
              default=Path(tempfile.gettempdir(), "voicekit-true-shapes"), show_default=True,
              help="Where the models are, or are made.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), default=HERE / "results",
              help="[default: profiles/results]")
def main(scenarios: tuple[str, ...], minutes: float, models: Path, results: Path) -> None:
    """Profile SCENARIOS, or all of them."""
    if espeak.library() is None:
        raise click.ClickException("espeak-ng's library is not installed: on Debian, apt install espeak-ng")
    results.mkdir(parents=True, exist_ok=True)
    for name in scenarios or names():
        scenario = Scenario.read(HERE / "scenarios" / f"{name}.toml")
        with tempfile.TemporaryDirectory(prefix="profile-") as temporary:
            folder, wall = profiled(scenario, minutes, models, Path(temporary))
            picture = voicekit("plot", folder, "-o", results / f"{name}.png", "--overwrite", cwd=Path(temporary))
            if picture.returncode:
                raise click.ClickException(picture.stderr)
            text = page(name, scenario.about, _for_people(scenario), load(folder))
            (results / f"{name}.md").write_text(text, encoding="utf-8")
        click.echo(f"{name}: {minutes:g} minutes in {wall:.1f} s ({minutes * 60 / wall:.1f}x real time)")


if __name__ == "__main__":
    main()
