"""The graph of Whisper's decoder: from the tokens of a step to the candidates for the next.

It has a state, the keys and values of the tokens so far; those of the sound are inputs. The whole vocabulary's scores
are too many to be looked at in Python at every step: what comes out is a few candidates for every row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from voicekit import telemetry
from voicekit.engines.whisper_openvino import encoder, layers
from voicekit.engines.whisper_openvino.layers import floats, number, ops, whole
from voicekit.engines.whisper_openvino.search import FORBIDDEN
from voicekit.engines.whisper_openvino.vocabulary import Vocabulary
from voicekit.engines.whisper_weights import Weights

MOST = 127.0
"""The largest number of 8 bits."""

FINER = 254.0
"""Probabilities are multiplied in two parts of 8 bits, the second so many times finer."""

GROUP = 64
"""Of so many scores together the largest is looked for."""


def build(weights: Weights, vocabulary: Vocabulary, small: bool, candidates: int,
          heads: tuple[tuple[int, int], ...] = ()) -> Any:
    """The decoder as an ``openvino.Model``.

    Parameters
    ----------
    weights : Weights
        The model.
    vocabulary : Vocabulary
        Its tokens.
    small : bool
        Keys and values of the sound come in 8 bits.
    candidates : int
        How many come out for every row.
    heads : tuple of (int, int)
        Layer and head of the attention that comes out, too: where in the sound the words are.

    Returns
    -------
    openvino.Model
        Inputs: ``tokens`` (rows, places) int64; ``places`` (places,) int64, where they stand; ``parents`` (rows,)
        int32, from which row the state is taken; ``mask`` (1, 1, places, all places) float32, what a place may look
        at; ``allowed`` (rows or 1, vocabulary) float32, what is added to the scores; the encoder's outputs, whose
        windows are a divisor of the rows.
        Outputs: ``scores`` and ``candidates`` (rows, candidates): log-probability and number, the best first;
        ``silence`` (rows, 1), the probability of no speech, and ``languages`` (rows, languages), both before any
        rule; with heads ``attention`` (windows, heads, rows * places / windows, frames).
    """
    return _Graph(weights, vocabulary, small, heads).build(candidates)


class _Graph:
    """The decoder while it is being built."""

    def __init__(self, weights: Weights, vocabulary: Vocabulary, small: bool,
                 heads: tuple[tuple[int, int], ...]) -> None:
        op = ops()
        self.weights, self.vocabulary, self.small, self.heads = weights, vocabulary, small, heads
        self.tokens = op.parameter([-1, -1], np.int64, name="tokens")
        self.places = op.parameter([-1], np.int64, name="places")
        self.parents = op.parameter([-1], np.int32, name="parents")
        self.mask = op.parameter([1, 1, -1, -1], np.float32, name="mask")
        self.allowed = op.parameter([-1, weights.vocabulary], np.float32, name="allowed")
        self.cached: dict[str, Any] = {}
        kinds = encoder.kinds(weights, small)
        for name, shape in encoder.shapes(weights, small).items():
            self.cached[name] = op.parameter([-1, *shape[1:]], kinds[name], name=name)
        self.sinks: list[Any] = []
        self.attention: list[Any] = []
        # A step is short, and each of its operations takes some time by itself: what all layers need is made once.
        windows = layers.size(self.cached["keys_0"], 0)
        self.by_window = op.concat([windows, whole(-1, weights.heads, weights.width // weights.heads)], 0)
        self.by_row = op.concat([op.shape_of(self.tokens), whole(weights.width)], 0)

    def build(self, candidates: int) -> Any:
        openvino = telemetry.openvino()
        op, weights = ops(), self.weights
        embeddings = weights.linear("decoder/embeddings")
        x = layers.rows(embeddings, self.tokens)
        positions = floats(weights.array("decoder/position_encodings/encodings"))
        x = op.add(x, op.gather(positions, self.places, number(0)))
        for layer in range(weights.decoder_layers):
            x = self._layer(x, layer)
        x = layers.norm(x, weights.norm("decoder/layer_norm"))
        x = op.slice(x, whole(-1), whole(np.iinfo(np.int64).max), whole(1), whole(1))
        logits = op.squeeze(op.matmul(x, layers.weight(embeddings), False, True), whole(1))
        outputs = self._candidates(logits, candidates)
        if self.attention:
            outputs["attention"] = op.concat(self.attention, 1) if len(self.attention) > 1 else self.attention[0]
        results = []
        for name, node in outputs.items():
            result = op.result(node)
            result.get_output_tensor(0).set_names({name})
            results.append(result)
        parameters = [self.tokens, self.places, self.parents, self.mask, self.allowed, *self.cached.values()]
        return openvino.Model(results, self.sinks, parameters, "decoder")

    def _layer(self, x: Any, layer: int) -> Any:
        op, weights = ops(), self.weights
        name = f"decoder/layer_{layer}"
        h = layers.norm(x, weights.norm(f"{name}/self_attention/layer_norm"))
        h = layers.split_heads(layers.linear(h, weights.linear(f"{name}/self_attention/linear_0")), 3 * weights.heads)
        query, key, value = op.split(h, number(1), 3).outputs()
        key, value = self._remembered(f"key_{layer}", key), self._remembered(f"value_{layer}", value)
        h = layers.join_heads(op.scaled_dot_product_attention(query, key, value, self.mask, causal=False))
        x = op.add(x, layers.linear(h, weights.linear(f"{name}/self_attention/linear_1")))
        h = layers.norm(x, weights.norm(f"{name}/attention/layer_norm"))
        h = self._listen(layers.linear(h, weights.linear(f"{name}/attention/linear_0")), layer)
        x = op.add(x, layers.linear(h, weights.linear(f"{name}/attention/linear_2")))
        h = layers.norm(x, weights.norm(f"{name}/ffn/layer_norm"))
        return op.add(x, layers.feed_forward(h, weights.linear(f"{name}/ffn/linear_0"),
                                             weights.linear(f"{name}/ffn/linear_1")))

    def _remembered(self, name: str, now: Any) -> Any:
        """What there was of it, from the rows' parents, and what comes now."""
        op, weights = ops(), self.weights
        part = weights.width // weights.heads
        nothing = op.broadcast(floats(0), op.concat([layers.size(self.tokens, 0), whole(weights.heads, 0, part)], 0))
        before = op.read_value(nothing, name, np.float32,
                               telemetry.openvino().PartialShape([-1, weights.heads, -1, part]))
        both = op.concat([op.gather(before, self.parents, number(0)), now], 2)
        self.sinks.append(op.assign(both, name))
        return both

    def _listen(self, query: Any, layer: int) -> Any:
        """Look at the sound. Rows of one window, and their places, are queries to the same keys."""
        op, weights = ops(), self.weights
        keys, values = self.cached[f"keys_{layer}"], self.cached[f"values_{layer}"]
        query = op.transpose(op.reshape(query, self.by_window, False), whole(0, 2, 1, 3))
        query = op.multiply(query, floats((weights.width // weights.heads) ** -0.5))
        scores = op.matmul(query, keys, False, True) if not self.small else op.multiply(
            _product(query, keys), self.cached[f"key_scales_{layer}"])
        # Measured by the largest and not by their sum, small ones keep as many bits as they can.
        highest = op.subtract(op.reduce_max(scores, whole(3), True), floats(np.log(MOST)))
        likely = op.exp(op.subtract(scores, highest))
        total = op.reduce_sum(likely, whole(3), True)
        heard = op.matmul(likely, values, False, False) if not self.small else op.multiply(
            _fine_product(likely, values), self.cached[f"value_scales_{layer}"])
        if chosen := [head for place, head in self.heads if place == layer]:
            some = whole(*chosen)
            self.attention.append(op.divide(op.gather(likely, some, number(1)), op.gather(total, some, number(1))))
        return op.reshape(op.transpose(op.divide(heard, total), whole(0, 2, 1, 3)), self.by_row, False)

    def _candidates(self, logits: Any, count: int) -> dict[str, Any]:
        op, words = ops(), self.vocabulary
        everything = _log_sum(logits)
        outputs = {"silence": op.exp(op.subtract(op.gather(logits, whole(words.no_speech), number(1)), everything))}
        if words.languages:
            outputs["languages"] = op.softmax(op.gather(logits, whole(*words.languages), number(1)), 1)
        allowed, begin = op.add(logits, self.allowed), words.timestamps
        text = op.slice(allowed, whole(0), whole(begin), whole(1), whole(1))
        times = op.slice(allowed, whole(begin), whole(self.weights.vocabulary), whole(1), whole(1))
        # A timestamp is written where all of them together are likelier than any one text token.
        sure = op.greater(_log_sum(times), op.reduce_max(text, whole(1), True))
        text = op.select(sure, floats(FORBIDDEN), text)
        allowed = op.concat([text, times], 1)
        highest, outputs["candidates"] = best(allowed, self.weights.vocabulary, count)
        outputs["scores"] = op.subtract(highest, _log_sum(allowed))
        return outputs


def best(scores: Any, size: int, count: int) -> tuple[Any, Any]:
    """The largest scores of every row, and whose they are; of equals the first.

    Parameters
    ----------
    scores : openvino.Node
        Shape (rows, size), float32.
    size : int
        How many there are.
    count : int
        How many are looked for.

    Returns
    -------
    tuple of openvino.Node
        Shape (rows, count), float32 and int32.

    Notes
    -----
    OpenVINO looks at one number after the other for them, and of equals takes any; but for the largest of a group it
    looks at many at once. The best are in the groups whose largest are the best.
    """
    op = ops()
    groups = max(-(-size // GROUP), count)
    rest = op.concat([layers.size(scores, 0), whole(groups * GROUP - size)], 0)
    every = op.concat([scores, op.broadcast(floats(2 * FORBIDDEN), rest)], 1)
    grouped = op.reshape(every, whole(0, groups, GROUP), True)
    # By index, so that what is first among all is first among some.
    chosen = op.topk(op.reduce_max(grouped, whole(2), False), number(count), 1, "max", "index", "i32", True).output(1)
    some = op.reshape(op.gather(grouped, chosen, number(1), 1), whole(0, -1), True)
    found = op.topk(some, number(count), 1, "max", "value", "i32", True)
    group = op.constant(np.int32(GROUP))
    firsts = op.multiply(op.gather_elements(chosen, op.divide(found.output(1), group), 1), group)
    return found.output(0), op.add(firsts, op.mod(found.output(1), group))


def _log_sum(x: Any) -> Any:
    op = ops()
    largest = op.reduce_max(x, whole(1), True)
    return op.add(op.log(op.reduce_sum(op.exp(op.subtract(x, largest)), whole(1), True)), largest)


def _product(x: Any, cached: Any) -> Any:
    """``x @ cached.T`` for a cached int8 matrix: each row of x in 8 bits, divided by its largest."""
    op = ops()
    largest = layers.largest(x)
    rows = layers.steps(op.divide(x, largest), 255, -1.0, 1.0)
    return op.multiply(op.matmul(rows, _matrix(cached), False, True), largest)


def _fine_product(x: Any, cached: Any) -> Any:
    """``x @ cached`` for a cached int8 matrix and x up to 127 in 15 bits: its first 7, and then what they leave.

    Both are rows of one multiplication, which reads the matrix once. With 8 bits alone a place would be deaf to all
    that it listens to 250 times less than to one frame.
    """
    op = ops()
    coarse = op.round(x, "half_to_even")
    rest = op.multiply(op.subtract(x, coarse), floats(FINER))
    rows = layers.steps(op.concat([coarse, rest], 2), 255, -MOST, MOST)
    found = op.matmul(rows, _matrix(cached), False, False)
    apart = op.reshape(found, whole(0, 0, 2, -1, cached.get_partial_shape()[3].get_length()), True)
    parts = op.multiply(apart, floats(np.reshape([1, 1 / FINER], (1, 1, 2, 1, 1))))
    return op.reduce_sum(parts, whole(2), False)


def _matrix(cached: Any) -> Any:
    """An int8 input as OpenVINO expects a matrix that it shall multiply as it is."""
    op = ops()
    return op.multiply(op.convert(cached, "f32"), floats(1))
