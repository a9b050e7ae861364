"""Whisper's decoder for onnxruntime, in 8 bits: see :mod:`voicekit.engines.whisper_openvino.onnx_layers`.

Keys and values of the sound have 8 bits. What is multiplied by them has 7 and no sign, so that the sums of two
products fit into 16 bits; a row is multiplied as two: what is above nothing, and what is below; or what is coarse,
and what is fine. A single row is multiplied with the matrix as it lies. For several the matrix would be brought into
another form before, which pays for many of them only (:data:`FEW`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voicekit.engines.onnx_graph import FLOAT, MICROSOFT, OnnxGraph
from voicekit.engines.whisper_openvino import encoder, onnx_encoder
from voicekit.engines.whisper_openvino.onnx_layers import LARGEST, MIDDLE, OnnxLayers
from voicekit.engines.whisper_weights import Weights

FEW = 8
"""So many queries of a window, and less, are multiplied one by one with keys and values; measured: one takes a fourth
of the time so, 8 take three fourths, 12 more than together."""

_CANDIDATES = ("text_scores", "text_candidates", "time_scores", "time_candidates")

SCORES = ("highest", "shares", *_CANDIDATES)
"""Names of the outputs from which it is chosen."""


def past(weights: Weights) -> list[str]:
    """Names of the inputs with the keys and values of the tokens so far."""
    return [f"past_{kind}_{layer}" for layer in range(weights.decoder_layers) for kind in ("keys", "values")]


def present(weights: Weights) -> list[str]:
    """Names of the outputs with those that came, too, in the order of :func:`past`."""
    return [name.replace("past", "present") for name in past(weights)]


def build(weights: Weights, heads: Sequence[tuple[int, int]]) -> bytes:
    """The decoder as an ONNX model.

    Parameters
    ----------
    weights : Weights
        The model, not in 8 bits.
    heads : sequence of (int, int)
        Layer and head of the attention that comes out, too.

    Returns
    -------
    bytes
        Inputs: ``tokens`` (1, rows * places, width), what stands for them; ``shape`` (3,), which is rows, places,
        width; ``listening`` (4,), which is windows, heads, rows * places / windows, part; ``products`` (5,), which is
        windows, heads, and, of twice those rows, how many products of how many rows they are, and -1; ``allowed``
        (rows, vocabulary), what is added to the scores; ``first_time`` (1,), the first timestamp; ``texts`` and
        ``times`` (1,), how many candidates come out; :func:`past`, (rows, heads, places before, part); the sound as
        in :func:`voicekit.engines.whisper_openvino.onnx_encoder.shapes`, windows first.

        Outputs: ``logits`` (1, rows, vocabulary), before anything is added; the highest score of each row,
        ``highest`` (1, rows, 1), and the exponentials of what all are below it, ``shares`` (1, rows, vocabulary);
        scores and numbers of the best texts and timestamps, ``text_scores``, ``text_candidates``, ``time_scores`` and
        ``time_candidates`` (1, rows, texts or times); :func:`present`; with heads ``attention`` (windows, heads,
        rows * places / windows, frames).
    """
    return _Decoder(weights, heads).build()


class _Decoder:
    """The decoder while it is being built."""

    def __init__(self, weights: Weights, heads: Sequence[tuple[int, int]]) -> None:
        self._weights, self._heads = weights, heads
        self._part = weights.width // weights.heads
        self._graph = graph = OnnxGraph()
        self._layers = self._layers_for("tokens")
        self._rows = graph.node("Shape", ["tokens"])
        self._three = graph.node("Mul", ["shape", graph.integers(1, 1, 3)])
        self._twice = graph.node("Mul", [graph.node("Slice", ["listening", *map(graph.integers, (0, 3))]),
                                         graph.integers(1, 1, 2)])
        self._by_query = graph.node("Gather", ["listening", graph.integers(0, 2, 1, 3)])
        self._softer = graph.array(np.array(self._part ** -0.5, np.float32))
        self._nothing = graph.array(np.array(0, np.uint8))
        self._one, self._most = (graph.array(np.array(value, np.float32)) for value in (1, LARGEST))
        self._attention: list[str] = []

    def build(self) -> bytes:
        graph, layers, weights = self._graph, self._layers, self._weights
        x = "tokens"
        for layer in range(weights.decoder_layers):
            x = self._layer(x, layer)
        # Of every row the last place alone writes something: it is one position of (1, rows, width).
        x = graph.node("Gather", [graph.node("Reshape", [x, "shape"]), graph.array(np.array(-1, np.int64))], axis=1)
        x = graph.node("Unsqueeze", [x, graph.integers(0)])
        x = layers.norm(x, weights.norm("decoder/layer_norm"))
        self._candidates(x)
        return graph.model("decoder", self._inputs(), self._outputs(), self._kinds())

    def _layer(self, x: str, layer: int) -> str:
        graph, layers, weights = self._graph, self._layers, self._weights
        name = f"decoder/layer_{layer}"
        h = layers.norm(x, weights.norm(f"{name}/self_attention/layer_norm"))
        h = self._remember(layers.linear(layers.rounded(h), weights.linear(f"{name}/self_attention/linear_0")), layer)
        h = layers.linear(layers.rounded(h), weights.linear(f"{name}/self_attention/linear_1"))
        x = graph.node("Add", [x, h])
        h = layers.norm(x, weights.norm(f"{name}/attention/layer_norm"))
        h = self._listen(layers.linear(layers.rounded(h), weights.linear(f"{name}/attention/linear_0")), layer)
        h = layers.linear(layers.rounded(h), weights.linear(f"{name}/attention/linear_2"))
        x = graph.node("Add", [x, h])
        h = layers.norm(x, weights.norm(f"{name}/ffn/layer_norm"))
        h = layers.feed_forward(h, weights.linear(f"{name}/ffn/linear_0"), weights.linear(f"{name}/ffn/linear_1"))
        return graph.node("Add", [x, h])

    def _remember(self, all_three: str, layer: int) -> str:
        """Look at the tokens so far, and at what comes now."""
        graph = self._graph
        parts = [f"{kind}_{layer}" for kind in ("self_query", "self_key", "self_value")]
        graph.node("Split", [graph.node("Reshape", [all_three, self._three])], parts, axis=2, num_outputs=3)
        both = [f"{kind}_{layer}" for kind in ("past_keys", "past_values")]
        heard = graph.node("MultiHeadAttention", [*parts, "", "", "", *both],
                           ("", *(name.replace("past", "present") for name in both)), domain=MICROSOFT,
                           num_heads=self._weights.heads, unidirectional=1)
        return graph.node("Reshape", [heard, self._rows])

    def _listen(self, query: str, layer: int) -> str:
        """Look at the sound. Rows of one window, and their places, are queries to the same keys."""
        graph = self._graph
        query = graph.node("Transpose", [graph.node("Reshape", [query, self._by_query])], perm=(0, 2, 1, 3))
        steps = self._layers.scales(query, 3)
        query = graph.node("Div", [query, steps])
        above, below = self._product([query, graph.node("Neg", [query])], f"keys_{layer}")
        scores = graph.node("Cast", [graph.node("Sub", [above, below])], to=FLOAT)
        scores = graph.node("Mul", [scores, f"key_scales_{layer}"])
        scores = graph.node("Mul", [scores, graph.node("Mul", [steps, self._softer])])
        # Measured by the largest and not by their sum, small ones keep as many bits as they can.
        axis = graph.integers(3)
        highest = graph.node("ReduceMax", [scores, axis], keepdims=1)
        highest = graph.node("Sub", [highest, graph.array(np.array(np.log(LARGEST), np.float32))])
        likely = graph.node("Exp", [graph.node("Sub", [scores, highest])])
        # The sum of a row depends on which half of 32 bytes it begins in; for a head that is always the same, as
        # every Whisper has an even number of them.
        total = graph.node("ReduceSum", [likely, axis], keepdims=1)
        if chosen := [head for place, head in self._heads if place == layer]:
            some = graph.integers(*chosen)
            self._attention.append(graph.node("Div", [graph.node("Gather", [each, some], axis=1)
                                                      for each in (likely, total)]))
        coarse = graph.node("Floor", [likely])
        rest = graph.node("Mul", [graph.node("Sub", [likely, coarse]), self._most])
        coarse, fine = (graph.node("Cast", [each], to=FLOAT)
                        for each in self._product([coarse, rest], f"values_{layer}"))
        heard = graph.node("Add", [coarse, graph.node("Div", [fine, self._most])])
        heard = graph.node("Div", [graph.node("Mul", [heard, f"value_scales_{layer}"]), total])
        return graph.node("Reshape", [graph.node("Transpose", [heard], perm=(0, 2, 1, 3)), self._rows])

    def _product(self, rows: Sequence[str], matrix: str) -> tuple[str, str]:
        """Rows up to 127, in two matrices, times one; what is below nothing counts as nothing."""
        graph = self._graph
        small = [graph.node("QuantizeLinear", [each, self._one, self._nothing]) for each in rows]
        together = graph.node("Reshape", [graph.node("Concat", small, axis=2), "products"])
        product = graph.node("MatMulInteger", [together, graph.node("Unsqueeze", [matrix, graph.integers(2)])])
        width = graph.integers(self._weights.frames if matrix.startswith("keys") else self._part)
        product = graph.node("Reshape", [product, graph.node("Concat", [self._twice, width], axis=0)])
        halves = [f"{matrix}_first", f"{matrix}_second"]
        graph.node("Split", [product], halves, axis=2, num_outputs=2)
        return halves[0], halves[1]

    def _candidates(self, x: str) -> None:
        graph, axis, layers = self._graph, self._graph.integers(2), self._layers_for(x)
        logits = layers.linear(layers.rounded(x), self._weights.linear("decoder/embeddings"))
        allowed = graph.node("Add", [graph.node("Identity", [logits], ("logits",)), "allowed"])
        highest = graph.node("ReduceMax", [allowed, axis], ("highest",), keepdims=1)
        # They are not summed here: with rows of a length that is no multiple of 32 bytes, in what order onnxruntime
        # sums one depends on where it lies, and so on how many are before it.
        graph.node("Exp", [graph.node("Sub", [allowed, highest])], ("shares",))
        end = graph.integers(self._weights.vocabulary)
        for name, begin, stop in (("text", graph.integers(0), "first_time"), ("time", "first_time", end)):
            part = graph.node("Slice", [allowed, begin, stop, axis])
            graph.node("TopK", [part, f"{name}s"], (f"{name}_scores", f"{name}_candidates"), axis=2)
        if self._attention:
            graph.node("Concat", self._attention, ("attention",), axis=1)

    def _layers_for(self, x: str) -> OnnxLayers:
        """For as many positions as x has."""
        graph = self._graph
        positions = graph.node("Slice", [graph.node("Shape", [x]), *map(graph.integers, (1, 2))])
        return OnnxLayers(graph, graph.node("Expand", [graph.array(np.array([MIDDLE], np.uint8)), positions]))

    def _inputs(self) -> dict[str, tuple[int | None, ...]]:
        weights = self._weights
        remembered = (None, weights.heads, None, self._part)
        return {"tokens": (1, None, weights.width), "shape": (3,), "listening": (4,), "products": (5,),
                "allowed": (None, weights.vocabulary), "first_time": (1,), "texts": (1,), "times": (1,),
                **dict.fromkeys(past(weights), remembered),
                **{name: (None, *shape[1:]) for name, shape in onnx_encoder.shapes(weights).items()}}

    def _outputs(self) -> dict[str, tuple[int | None, ...]]:
        weights = self._weights
        found = {**dict.fromkeys(("logits", "shares"), (1, None, weights.vocabulary)), "highest": (1, None, 1),
                 **dict.fromkeys(_CANDIDATES, (1, None, None)),
                 **dict.fromkeys(present(weights), (None, weights.heads, None, self._part))}
        return found | ({"attention": (None, len(self._heads), None, weights.frames)} if self._attention else {})

    def _kinds(self) -> dict[str, type]:
        numbers = ("shape", "listening", "products", "first_time", "texts", "times",
                   *(name for name in _CANDIDATES if name.endswith("candidates")))
        return {**dict.fromkeys(numbers, np.int64), **encoder.kinds(self._weights, small=True)}
