"""The dimensions of Whisper models."""

from __future__ import annotations

from dataclasses import dataclass, field

AUDIO_CONTEXT, TEXT_CONTEXT, TIMESTAMPS = 1500, 448, 1501
"""Positions that the encoder gives, places of the text, and tokens that are times."""
EOT, SOT, FIRST_LANGUAGE = 50_257, 50_258, 50_259
"""Tokens of every multilingual model."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of a multilingual Whisper.

    Attributes
    ----------
    width : int
        Of the hidden state.
    heads : int
        Of every attention.
    encoder_layers, decoder_layers : int
        How deep it is.
    mels : int
        Bands of the spectrogram.
    languages : int
        99, or 100 since Cantonese came with large-v3.
    following : tuple of (int, int)
        Layer and head of the decoder's attention that follows the sound, from which words get their times; none
        stands for openai-whisper's own default, every head of the later half.
    """

    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mels: int = 80
    languages: int = 99
    following: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    @property
    def translate(self) -> int:
        """The token ``<|translate|>``; the other tasks follow it."""
        return FIRST_LANGUAGE + self.languages

    @property
    def no_speech(self) -> int:
        """The token ``<|nospeech|>``."""
        return self.translate + 4

    @property
    def no_timestamps(self) -> int:
        """The token ``<|notimestamps|>``, the last before the timestamps."""
        return self.translate + 5

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return self.no_timestamps + 1 + TIMESTAMPS

    @property
    def alignment_heads(self) -> list[list[int]]:
        """As a model's configuration has them."""
        if self.following:
            return [list(one) for one in self.following]
        return [[layer, head] for layer in range(self.decoder_layers // 2, self.decoder_layers)
                for head in range(self.heads)]

    @property
    def encoder_weights(self) -> int:
        """Parameters of the encoder's matrices and convolutions; biases and norms are next to nothing.

        Examples
        --------
        >>> round(SHAPES["small"].encoder_weights / 1e6)
        87
        """
        return 3 * self.width * (self.mels + self.width) + self.encoder_layers * 12 * self.width ** 2

    @property
    def cross_weights(self) -> int:
        """Parameters that make keys and values for the decoder from what the encoder gives."""
        return self.decoder_layers * 2 * self.width ** 2

    @property
    def step_weights(self) -> int:
        """Parameters that every token needs: all others of the decoder, and the output layer."""
        return self.decoder_layers * 14 * self.width ** 2 + self.vocabulary * self.width


SHAPES = {
    "tiny": Shape(384, 6, 4, 4, following=((2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5))),
    "base": Shape(512, 8, 6, 6, following=((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6))),
    "small": Shape(768, 12, 12, 12, following=((5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9),
                                               (10, 5))),
    "medium": Shape(1024, 16, 24, 24, following=((13, 15), (15, 4), (15, 15), (16, 1), (20, 0), (23, 4))),
    "large-v3": Shape(1280, 20, 32, 32, mels=128, languages=100),
    "large-v3-turbo": Shape(1280, 20, 32, 4, mels=128, languages=100),
}
"""Dimensions of the published models (openai/whisper, model card), and of the smaller ones which heads follow the
sound (openai/whisper, MIT)."""
