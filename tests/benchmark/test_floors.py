"""Operations and bytes against a count by hand, and against the arrays of a model; and what the machine can do."""

from __future__ import annotations

import importlib.util

import pytest

from tests.engines.whisper_cases import whispers_tokenizer
from voicekit.benchmark import floors, peaks
from voicekit.benchmark.floors import START, Floor, Work
from voicekit.benchmark.shapes import SHAPES, Shape

SMALL = Shape(width=64, heads=2, encoder_layers=2, decoder_layers=3)


def product(rows: int, inner: int, columns: int) -> int:
    """Operations of a matrix product."""
    return 2 * rows * inner * columns


def counted_by_hand(shape: Shape, tokens: int) -> int:
    """Product by product, for one window."""
    width, frames = shape.width, 1500
    total = product(2 * frames, 3 * shape.mels, width) + product(frames, 3 * width, width)
    for _ in range(shape.encoder_layers):
        total += 4 * product(frames, width, width)  # queries, keys, values, out
        total += 2 * product(frames, width, frames)  # every frame looks at every frame, and takes from it
        total += product(frames, width, 4 * width) + product(frames, 4 * width, width)
    total += shape.decoder_layers * 2 * product(frames, width, width)
    for place in range(START + tokens):
        for _ in range(shape.decoder_layers):
            total += 4 * product(1, width, width) + 2 * product(1, width, place + 1)
            total += 2 * product(1, width, width) + 2 * product(1, width, frames)
            total += product(1, width, 4 * width) + product(1, 4 * width, width)
        if place >= START - 1:  # nobody asks what follows the tokens that are given
            total += product(1, width, shape.vocabulary)
    return total


@pytest.mark.parametrize("shape", [SMALL, SHAPES["base"], SHAPES["large-v3-turbo"]])
def test_operations(shape: Shape) -> None:
    assert floors.operations(shape, Work(1, 7, 1)) == counted_by_hand(shape, 7)
    assert floors.operations(shape, Work(30, 7, 4)) == 30 * counted_by_hand(shape, 7)


def test_bytes() -> None:
    # A batch of two windows and one of one, three tokens each: four steps for every batch.
    work = Work(windows=3, tokens=3, batches=2)
    weights = 2 * (SMALL.encoder_weights + SMALL.cross_weights + 4 * SMALL.step_weights)
    sound = 3 * 4 * SMALL.decoder_layers * (2 * 1500 * SMALL.width) * floors.KEPT
    assert floors.traffic(SMALL, work, 1) == weights + sound
    assert floors.traffic(SMALL, work, 2) == 2 * weights + sound


def test_the_weights_are_those_of_a_model() -> None:
    whispers_tokenizer()  # without openai-whisper there is no vocabulary to build from
    from voicekit.benchmark.random_weights import weights

    matrices = {name: array.size for name, array in weights(SMALL).items()
                if array.ndim > 1 and "positional" not in name}
    cross = sum(size for name, size in matrices.items() if "cross_attn.key" in name or "cross_attn.value" in name)
    encoder = sum(size for name, size in matrices.items() if name.startswith("encoder"))
    assert (SMALL.encoder_weights, SMALL.cross_weights) == (encoder, cross)
    assert SMALL.step_weights == sum(matrices.values()) - encoder - cross


def test_a_floor_is_an_amount_over_a_rate() -> None:
    assert Floor(6e9, 2e9, "", "").seconds == 3.0


def test_what_the_machine_can_do() -> None:
    rates = peaks.arithmetic("cpu")
    known = {rate.measured_with for rate in rates}
    assert "numpy float32" in known
    assert known <= {"numpy float32", "OpenVINO bfloat16", "OpenVINO int8"}
    assert importlib.util.find_spec("openvino") is not None or len(known) == 1
    assert [rate.per_second for rate in rates] == sorted((rate.per_second for rate in rates), reverse=True)
    read = peaks.bandwidth("cpu")
    assert read is not None and rates[-1].per_second > 1e8 and read.per_second > 1e8
