"""The palette: readable as text, and told apart by everybody."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from voicekit.formats.report.colours import DARK, LIGHT

# What the eyes of people see in whom one kind of cones is missing, in linear RGB (Machado et al. 2009, severity 1).
EYES = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[at:at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lightness(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    curved = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * curved[1] - 16, 500 * (curved[0] - curved[1]), 200 * (curved[1] - curved[2])])


@pytest.mark.parametrize(("colours", "grounds"), [(LIGHT, ("#ffffff", "#fbfbfa", "#f4f5f6")),
                                                  (DARK, ("#14171a", "#1d2126"))])
def test_every_colour_is_readable(colours: tuple[str, ...], grounds: tuple[str, ...]) -> None:
    for colour, ground in itertools.product(colours, grounds):
        dark, light = sorted((lightness(colour), lightness(ground)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (colour, ground)


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_any_two_are_told_apart(colours: tuple[str, ...], eyes: str) -> None:
    seen = [lab(EYES[eyes] @ linear(colour)) for colour in colours]
    assert len(seen) == 10
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)) >= 12
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen[:6], 2)) >= 20
