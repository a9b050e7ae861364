"""What the work costs at least: operations and bytes, from the dimensions of the model and what was decoded.

Counted is greedy decoding as Whisper's architecture has it, with 1500 positions of sound for every window, however
short. Not counted, so that it is a floor: features, word times, softmax, norms, writing of anything, and what the
encoder reads and writes of its own results.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicekit.benchmark.shapes import AUDIO_CONTEXT, Shape

START = 3
"""Tokens that stand before every text: its start, the language and the task."""

KEPT = 1
"""Bytes of a number of the keys and values that the decoder reads for every token: 8 bits are enough for them."""


@dataclass(frozen=True, slots=True)
class Work:
    """What was decoded.

    Attributes
    ----------
    windows : int
        Windows of sound.
    tokens : float
        For each window, in the mean.
    batches : int
        Into how many batches the windows were divided.
    """

    windows: int
    tokens: float
    batches: int


@dataclass(frozen=True, slots=True)
class Floor:
    """What a resource of the machine allows at best.

    Attributes
    ----------
    amount : float
        Operations, or bytes.
    rate : float
        Of them in a second, as measured.
    measured_with : str
        How that was measured.
    assumptions : str
        What the amount rests on.
    """

    amount: float
    rate: float
    measured_with: str
    assumptions: str

    @property
    def seconds(self) -> float:
        """How long it takes at least."""
        return self.amount / self.rate


def operations(shape: Shape, work: Work) -> float:
    """Multiplications and additions, each counted as one.

    Parameters
    ----------
    shape : Shape
        Of the model.
    work : Work
        What was decoded.

    Examples
    --------
    >>> from voicekit.benchmark.shapes import SHAPES
    >>> round(operations(SHAPES["small"], Work(1, 80, 1)) / 1e9)
    414
    """
    width, frames = shape.width, AUDIO_CONTEXT
    encoder = (3 * shape.mels * width * 2 * frames + 3 * width ** 2 * frames
               + shape.encoder_layers * (12 * width ** 2 * frames + 2 * frames ** 2 * width))
    cross = frames * shape.cross_weights
    places = START + work.tokens
    output = shape.vocabulary * width
    # Attention looks back at all places before, and at all frames.
    attention = shape.decoder_layers * width * (places * (places + 1) + 2 * frames * places)
    decoder = places * (shape.step_weights - output) + (work.tokens + 1) * output + attention
    return 2.0 * work.windows * (encoder + cross + decoder)


def traffic(shape: Shape, work: Work, weight_bytes: int) -> float:
    """Bytes that have to come from memory: weights for every batch, the decoder's for each of its tokens too, and
    for every window and token the keys and values of the sound.

    Parameters
    ----------
    shape : Shape
        Of the model.
    work : Work
        What was decoded.
    weight_bytes : int
        Of one weight: 1 for int8, 2 for half precision.

    Examples
    --------
    >>> from voicekit.benchmark.shapes import SHAPES
    >>> round(traffic(SHAPES["small"], Work(8, 80, 1), 1) / 1e9)
    29
    """
    steps = work.tokens + 1  # the start of the text is one step, and gives the first token
    weights = work.batches * (shape.encoder_weights + shape.cross_weights + steps * shape.step_weights)
    keys_and_values = work.windows * steps * shape.decoder_layers * 2 * AUDIO_CONTEXT * shape.width
    return float(weights * weight_bytes + keys_and_values * KEPT)
