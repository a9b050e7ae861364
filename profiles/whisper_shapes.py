"""Whisper models of the true sizes with random weights, to measure speed where none can be downloaded.

    python -m profiles.whisper_shapes small --tokens 80 --into /tmp/models
    python run_parallel.py talk.mp3 --model /tmp/models/random-small-80-tokens --language en

THEIR WORDS MEAN NOTHING. What is true of them is the cost: the dimensions are those of the published
models, and every window with speech in it is given exactly --tokens tokens (30 s of speech are about 80
in English and about 120 in Russian), so that encoder, decoder and alignment do the work that they would
do for real words. Needs openai-whisper for its vocabulary (pip install -e ".[openai]"), and for large-v3
15 GB of memory. Written are the folder for faster-whisper, random-NAME-N-tokens, and for openai-whisper
random-NAME-N-tokens.pt.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from tests.models import random_whisper, whisper_files
from tests.models.whisper_files import Shape

SHAPES = {
    "tiny": Shape(384, 6, 4, 4),
    "base": Shape(512, 8, 6, 6),
    "small": Shape(768, 12, 12, 12),
    "medium": Shape(1024, 16, 24, 24),
    "large-v3": Shape(1280, 20, 32, 32, mels=128, languages=100),
    "large-v3-turbo": Shape(1280, 20, 32, 4, mels=128, languages=100),
}
"""Dimensions of the published models (openai/whisper, model card)."""

WARNING = "The weights are random: its words mean nothing. It is for measuring speed only."


@click.command()
@click.argument("name", type=click.Choice(list(SHAPES)))
@click.option("--tokens", default=80, show_default=True, type=click.IntRange(1, 220),
              help="Tokens that every window with speech is given.")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path("."), show_default=True,
              help="Folder to write to.")
@click.option("--runtime", type=click.Choice(["both", "ctranslate2", "openai"]), default="both", show_default=True)
@click.option("--quantization", type=click.Choice(["int8", "float16", "float32"]), default="int8", show_default=True,
              help="Of CTranslate2's file; openai-whisper's has float16, as the published ones.")
@click.option("--seed", default=1, show_default=True)
def main(name: str, tokens: int, into: Path, runtime: str, quantization: str, seed: int) -> None:
    """Write a model of the size NAME whose words mean nothing."""
    began = time.monotonic()
    click.echo(WARNING)
    try:
        write(name, into / f"random-{name}-{tokens}-tokens", tokens, runtime, quantization, seed)
    except (OSError, MemoryError) as error:
        raise click.ClickException(f"The model cannot be made: {error or 'memory is short'}.") from error
    click.echo(f"{time.monotonic() - began:.0f} s")


def write(name: str, path: Path, tokens: int, runtime: str, quantization: str, seed: int) -> None:
    """Make the weights and write them for one runtime or for both."""
    shape = SHAPES[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = random_whisper.weights(shape, seed, tokens=tokens)
    count = sum(array.size for array in weights.values())
    click.echo(f"{name}: {count / 1e6:.0f} million parameters")
    if runtime != "openai":
        folder = whisper_files.write_ctranslate2(path, shape, weights, quantization)
        (folder / "README.txt").write_text(f"{WARNING}\n", encoding="utf-8")
        click.echo(f"faster-whisper: --model {folder}")
    if runtime != "ctranslate2":
        file = whisper_files.write_openai(path.with_name(f"{path.name}.pt"), shape, weights, half=True)
        click.echo(f"openai-whisper: --model {file}")


if __name__ == "__main__":
    main()
