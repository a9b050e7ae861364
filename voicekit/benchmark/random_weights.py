"""A Whisper of the original architecture in any size, made on the spot from random weights.

Its words mean nothing, but it behaves like a model: what it writes depends on the sound, differs
from window to window, is sure of itself, carries sensible timestamps and ends after a known number
of tokens; silence is told from sound. The weights are noise, except in a few channels of the hidden
state that are kept for these manners (see the constants below). The same weights are written for
both runtimes, so one can be checked against the other.
"""

from __future__ import annotations

import numpy as np

from voicekit.benchmark.shapes import EOT, SOT, TEXT_CONTEXT, Shape
from voicekit.benchmark.whisper_files import Array, Weights, ranks, sinusoids

# Channels of the hidden state with a meaning; no noise is written into them.
CONSTANT, ENDING, LOUDNESS, PULSE, TIME_X, TIME_Y = range(6)
RESERVED = 6

LENGTH = 24
"""From this place on only the end of the text can win."""

PULSE_EVERY = 9  # tokens from one pair of timestamps to the next
SHARPNESS = 5.0  # of the last layer norm: how sure of itself the model is
MANNERS = 14.0  # the same for the channels with a meaning


def speakable(counted: bool = False) -> list[int]:
    """The text tokens that the model writes: every eighth of many.

    Parameters
    ----------
    counted : bool
        Only words that begin with a space, from the whole vocabulary. A text of them has as many tokens as words,
        so whoever has only the text knows how many tokens it took; and a long text of few words would look like a
        loop, and be decoded again. Otherwise short words, endings and full stops.
    """
    if counted:
        whole = sorted(rank for token, rank in ranks().items()
                       if 3 <= len(token) <= 8 and token[:1] == b" " and token[1:].isalpha() and token.islower())
        return whole[100:10_000:8]
    tokens = sorted(rank for token, rank in ranks().items()
                    if 2 <= len(token) <= 7 and token.lstrip(b" ").isalpha() and token.islower())
    return [*tokens[100:2_000:8], ranks()[b"."]]


def weights(shape: Shape, seed: int = 1, looping: bool = False, tokens: int | None = None) -> Weights:
    """All parameters, named as openai-whisper names them.

    Parameters
    ----------
    shape : Shape
        The dimensions; those of a published model make one that costs as much to run.
    seed : int, default 1
        Another seed is another model.
    looping : bool, default False
        A model that says the same token again and again, as a real one does when it is lost.
    tokens : int, optional
        Every window with sound gets exactly so many, counted from after ``<|transcribe|>``
        (``<|notimestamps|>`` is one of them); otherwise some dozens, as the sound would have it.
    """
    return _Maker(shape, seed, looping, tokens).weights()


class _Maker:
    """Draws the weights of one model."""

    def __init__(self, shape: Shape, seed: int, looping: bool, tokens: int | None) -> None:
        self.shape = shape
        self.looping = looping
        self.tokens = tokens
        self._speakable = speakable(counted=tokens is not None)
        self._rng = np.random.default_rng(seed)

    def weights(self) -> Weights:
        return {**self._encoder(), **self._decoder()}

    def _noise(self, *size: int, gain: float = 1.0) -> Array:
        drawn = self._rng.standard_normal(size, dtype=np.float32)
        drawn *= gain / np.sqrt(np.prod(size[1:]))
        return drawn

    def _encoder(self) -> Weights:
        width, mels = self.shape.width, self.shape.mels
        weights = {"encoder.conv1.weight": self._noise(width, mels, 3, gain=4.0),
                   "encoder.conv1.bias": np.zeros(width, np.float32),
                   "encoder.conv2.weight": self._noise(width, width, 3, gain=4.0),
                   "encoder.conv2.bias": np.zeros(width, np.float32),
                   "encoder.positional_embedding": sinusoids(width), **self._norm("encoder.ln_post")}
        # A silent window has the features -1.5 everywhere; one with any sound in it is well above.
        weights["encoder.conv1.weight"][LOUDNESS] = 0
        weights["encoder.conv1.weight"][LOUDNESS, :, 1] = 20 / mels
        weights["encoder.conv1.bias"][LOUDNESS] = 20 * 1.25
        weights["encoder.conv2.weight"][:RESERVED] = 0
        weights["encoder.conv2.weight"][LOUDNESS, LOUDNESS, 1] = 3
        weights["encoder.conv2.weight"][RESERVED:, LOUDNESS] = 0
        weights["encoder.conv2.bias"][LOUDNESS] = -12
        for layer in range(self.shape.encoder_layers):
            weights |= self._block(f"encoder.blocks.{layer}", self.shape.encoder_layers, cross=False)
        return weights

    def _block(self, name: str, layers: int, cross: bool) -> Weights:
        width = self.shape.width
        share = float(np.sqrt(2 / layers))  # so that many layers add as much noise as the tiny model's two
        weights = {**self._attention(f"{name}.attn", 1.5, share), **self._norm(f"{name}.attn_ln")}
        if cross:
            weights |= self._attention(f"{name}.cross_attn", 2.5, 3.0 * share)
            weights |= self._norm(f"{name}.cross_attn_ln")
            # The loudness of the sound, as every head sees it, arrives in its own channel.
            weights[f"{name}.cross_attn.value.weight"][LOUDNESS] = 0
            weights[f"{name}.cross_attn.value.weight"][LOUDNESS, LOUDNESS] = 1
            weights[f"{name}.cross_attn.out.weight"][:, LOUDNESS] = 0
            weights[f"{name}.cross_attn.out.weight"][LOUDNESS, LOUDNESS] = 2 / layers
        weights |= {f"{name}.mlp.0.weight": self._noise(4 * width, width, gain=1.4),
                    f"{name}.mlp.0.bias": np.zeros(4 * width, np.float32),
                    f"{name}.mlp.2.weight": self._noise(width, 4 * width, gain=1.4 * share),
                    f"{name}.mlp.2.bias": np.zeros(width, np.float32), **self._norm(f"{name}.mlp_ln")}
        weights[f"{name}.mlp.2.weight"][:RESERVED] = 0
        return weights

    def _attention(self, name: str, sharp: float, gain: float) -> Weights:
        width = self.shape.width
        weights = {f"{name}.query.weight": self._noise(width, width, gain=sharp),
                   f"{name}.query.bias": np.zeros(width, np.float32),
                   f"{name}.key.weight": self._noise(width, width, gain=sharp),
                   f"{name}.value.weight": self._noise(width, width),
                   f"{name}.value.bias": np.zeros(width, np.float32),
                   f"{name}.out.weight": self._noise(width, width, gain=gain),
                   f"{name}.out.bias": np.zeros(width, np.float32)}
        weights[f"{name}.out.weight"][:RESERVED] = 0
        return weights

    def _norm(self, name: str) -> Weights:
        width = self.shape.width
        return {f"{name}.weight": np.ones(width, np.float32), f"{name}.bias": np.zeros(width, np.float32)}

    def _decoder(self) -> Weights:
        weights = {"decoder.token_embedding.weight": self._embedding(),
                   "decoder.positional_embedding": self._places(), **self._norm("decoder.ln")}
        weights["decoder.ln.weight"][:] = SHARPNESS
        weights["decoder.ln.weight"][:RESERVED] = MANNERS
        weights["decoder.ln.weight"][CONSTANT] = 0
        weights["decoder.ln.bias"][CONSTANT] = 20
        for layer in range(self.shape.decoder_layers):
            weights |= self._block(f"decoder.blocks.{layer}", self.shape.decoder_layers, cross=True)
        return weights

    def _embedding(self) -> Array:
        """The token embedding, which is the output layer too."""
        shape = self.shape
        embedding = np.zeros((shape.vocabulary, shape.width), np.float32)
        special = slice(SOT, shape.no_timestamps + 1)
        talk = [*self._speakable, *range(special.start, special.stop)]
        content = self._rng.standard_normal((len(talk), shape.width - RESERVED)) / np.sqrt(shape.width)
        embedding[talk, RESERVED:] = content * (4.0 if self.looping else 2.0)
        # Text needs sound: in silence it is no likelier than the fifty thousand tokens never written.
        embedding[self._speakable, CONSTANT], embedding[self._speakable, LOUDNESS] = -1.2, 2.0
        embedding[special, CONSTANT] = -3.0
        embedding[shape.no_speech] = 0
        embedding[shape.no_speech, CONSTANT], embedding[shape.no_speech, LOUDNESS] = 3.5, -6.0
        embedding[EOT, ENDING] = 12.0 if self.looping else 6.0
        # Only whole seconds are ever written: with 1501 choices the model would never be sure of one.
        seconds = slice(shape.no_timestamps + 1, shape.vocabulary, 50)
        angle = np.linspace(0, np.pi, 31)
        embedding[seconds, TIME_X], embedding[seconds, TIME_Y] = 8 * np.cos(angle), 8 * np.sin(angle)
        embedding[seconds, PULSE] = 6.0
        return embedding

    def _places(self) -> Array:
        """The embedding of the places in the text: where timestamps come, and where the text ends."""
        position = np.arange(TEXT_CONTEXT)
        places = self._rng.standard_normal((TEXT_CONTEXT, self.shape.width), dtype=np.float32)
        places *= 0.2 if self.looping else 2.5 if self.tokens is None else 4.0
        places[:, :RESERVED] = 0
        # Where tokens are counted nothing else may win, however loud: one channel against the noise of all others.
        firm = float(np.sqrt(self.shape.width))
        last = 2 * LENGTH if self.looping else LENGTH
        if self.tokens is None:
            places[:, ENDING] = np.clip(6 * position / last - 3, -3, 6)
        else:  # the token at a place tells of the next one; three stand before the text
            last = self.tokens + 2
            places[:, ENDING] = np.where(position >= last, 1.5 * firm, -6)
        pulse = (position % PULSE_EVERY < 2) & (position >= PULSE_EVERY)  # timestamps come in pairs
        places[:, PULSE] = np.where(pulse, 4.0 if self.tokens is None else firm, -2.0)
        angle = np.pi * np.clip(position / last, 0, 1)
        places[:, TIME_X], places[:, TIME_Y] = 2 * np.cos(angle), 2 * np.sin(angle)
        return places
