"""The course of the pico Whisper: what it is shown is true, and a step of it teaches."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from tests.engines.whisper_cases import whispers_tokenizer
from tests.models import pico_cases, pico_grammar, pico_sound
from tests.models.pico_grammar import LANGUAGES
from tests.models.pico_sound import Clip

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("whisper", reason="openai-whisper is not installed")

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("pico")]


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    whispers_tokenizer()
    from tests.models import train_pico

    pico_cases.need_espeak()
    return train_pico.make_clips((0, 60))


@pytest.fixture
def composer(clips: list[Clip]) -> object:
    """Its chance begins anew in every test, so that none depends on those before it."""
    from tests.models import train_pico

    rng = random.Random(0)
    return train_pico.Composer(clips, [pico_sound.noise(rng, 30) for _ in range(3)], rng)


def test_the_grammar_says_the_same_in_both_languages() -> None:
    rng = random.Random(0)
    sentences = [pico_grammar.sentence(rng, held_out) for held_out in (False, True) for _ in range(200)]
    assert [sentence.held_out for sentence in sentences] == [False] * 200 + [True] * 200
    for language in LANGUAGES:
        assert 60 <= len(pico_grammar.vocabulary(language)) <= 150
        spoken = {word for sentence in sentences for word in sentence.words(language)}
        assert spoken <= set(pico_grammar.vocabulary(language))
    assert not {sentence.text("en") for sentence in sentences[:200]} & {sentence.text("en") for sentence in sentences[200:]}


def test_voices_kept_apart() -> None:
    assert not set(pico_sound.SPEAKERS) & set(pico_sound.UNHEARD_SPEAKERS)


def test_answers_are_what_is_said(composer: object) -> None:
    """Read back with Whisper's own tokenizer."""
    from tests.models.pico_windows import EOT, SOT, TIMES, TOKENIZER, time_token

    kinds = set()
    for _ in range(120):
        example = composer.example(30, 0.0)  # type: ignore[attr-defined]
        assert len(example.samples) == 30 * 16000 and example.tokens[example.first] == SOT and example.tokens[-1] == EOT
        text = TOKENIZER.decode([token for token in example.tokens[example.first:] if token < EOT]).strip()
        kinds.add((bool(text), TOKENIZER.no_timestamps in example.tokens, TOKENIZER.translate in example.tokens, example.first > 0))
        if not example.speech:
            continue
        assert text[-1] in ".?" and all(word.strip(".?") in {*pico_grammar.vocabulary("en"), *pico_grammar.vocabulary("ru")}
                                        for word in text.split())
        heard = [example.heard[place] for place in sorted(example.heard)]
        assert all(0 <= begin < end <= 30.5 for begin, end in heard)
        assert all(later[0] > one[0] - 0.15 for one, later in itertools.pairwise(heard)), "from left to right"
        stamps = [token - TIMES for token in example.tokens if token >= TIMES]
        assert stamps == sorted(stamps)
        # What is said is loud where it is said.
        loud = np.abs(example.samples[int(example.spoken[0][1] * 16000):int(example.spoken[-1][2] * 16000)]).max()
        assert loud > 0
    assert len(kinds) >= 8, "speech and none, with timestamps and without, translated and not, prompted and not"
    assert time_token(30.0) == TIMES + 1500


def test_a_few_steps_teach(composer: object) -> None:
    from tests.models import train_pico

    torch.manual_seed(0)
    rng = random.Random(0)
    model = train_pico.Pico()
    batch = train_pico.collate([composer.example(4, 0.0) for _ in range(8)], rng)  # type: ignore[attr-defined]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    totals = []
    for _ in range(24):
        found = train_pico.losses(model, batch, offset=100)
        assert set(found) == set(train_pico.WEIGHTS)
        loss = sum(train_pico.WEIGHTS[name] * value for name, value in found.items())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals.append(float(loss.detach()))
    assert totals[-1] < 0.8 * totals[0]
    assert all(parameter.grad is not None for name, parameter in model.named_parameters() if "token_embedding" not in name)
