"""A model with the interface of Silero's: it hums a note per letter, and goes into a torch.package file."""

from __future__ import annotations

import torch


class Network(torch.nn.Module):
    """One weight, so that its device can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.volume = torch.nn.Parameter(torch.tensor(0.3))


class TinySilero:
    """What ``load_pickle("tts_models", "model")`` gives."""

    def __init__(self) -> None:
        self.model = Network()
        self.speakers = ["aidar", "xenia", "ru_igor"]

    def to(self, device: object) -> None:
        self.model.to(device)

    def apply_tts(self, text: str | None = None, speaker: str = "xenia", sample_rate: int = 48000,
                  ssml_text: str | None = None) -> torch.Tensor:
        if len(text) > 800:
            raise ValueError("Text is too long")
        if not any(letter.isalpha() for letter in text):
            raise ValueError("No letters")
        time = torch.arange(sample_rate // 20) / sample_rate
        sound = [torch.sin(2 * torch.pi * (100 + 7 * (ord(letter) % 60)) * time) * letter.isalpha()
                 for letter in text.replace("+", "")]
        noise = torch.rand(len(sound) * len(time)) * 0.001
        return torch.cat(sound) * self.model.volume.detach() + noise
