"""Whisper on OpenVINO, built from the very folders that faster-whisper's models come in.

``layers`` has what both halves of the model are made of, ``products`` how a processor multiplies best, ``encoder``
and ``decoder`` build their graphs, and ``on_openvino`` runs them; ``onnx_layers``, ``onnx_encoder``,
``onnx_decoder`` and ``on_onnxruntime`` do the same for processors on which onnxruntime is faster. ``running`` drives
either (``halves`` says how), ``search`` writes the text by the rules that ``vocabulary`` knows, ``timing`` finds the
words in the sound.

The graphs are made for the case that counts on a CPU, many windows decoded together: there each step reads the keys
and values of every window, so these are kept in 8 bits; and nothing but a few candidates leaves the graph.
"""
