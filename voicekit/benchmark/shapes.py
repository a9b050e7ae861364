"""The dimensions of Whisper models."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mels: int = 80
    languages: int = 99

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
        """openai-whisper's own default: every head of the later half of the decoder."""
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
    "tiny": Shape(384, 6, 4, 4),
    "base": Shape(512, 8, 6, 6),
    "small": Shape(768, 12, 12, 12),
    "medium": Shape(1024, 16, 24, 24),
    "large-v3": Shape(1280, 20, 32, 32, mels=128, languages=100),
    "large-v3-turbo": Shape(1280, 20, 32, 4, mels=128, languages=100),
}
"""Dimensions of the published models (openai/whisper, model card)."""
