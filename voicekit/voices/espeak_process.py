"""A process of its own in which espeak-ng's library speaks: run as a script, it imports nothing of voicekit.

The library keeps state from call to call that no call resets (where its flutter of the pitch is, for one), so
that a sentence would sound by what was said before it. Here the library is loaded and initialised once, and
each sentence is spoken in a fork of that untouched state; where there is no fork, each in a process of its own.
It also keeps what espeak-ng does to its process (its locale, its threads, its crashes) out of the worker.

One line of JSON asks, and one line of JSON answers, followed by 16-bit samples::

    {"text": "...", "voice": "ru", "speed": 175, "pitch": 50, "range": 50, "alone": ["...", ...]}
    {"rate": 22050, "bytes": n, "words": [[place, length, sample], ...],
     "phonemes": [[place, sample, name], ...], "alone": ["z a m 'o k", ...]}

Speed (words per minute), pitch and its range (both 0 to 99) are espeak-ng's own where they are not said. Without a
text it answers with the phonemes alone. ``{"list": ""}`` asks for the voices (``"variant"``: for the variants):
name, languages, gender (1 male, 2 female), identifier. The first line of all, before any question, tells the
library's version.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any

SYNCHRONOUS, PHONEME_EVENTS, KEEP_PROCESS = 2, 1, 0x8000
UTF8, PHONEMES_IN_BRACKETS = 1, 0x100
PARAMETERS = {"speed": 1, "pitch": 3, "range": 4}
"""espeak_PARAMETER by the field of the request."""
SEPARATOR = "&"
"""Between phonemes: no phoneme has it in its name."""
END_OF_LIST, WORD, PHONEME = 0, 1, 7  # espeak_EVENT_TYPE


class Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = [("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
                ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
                ("user_data", ctypes.c_void_p), ("name", ctypes.c_char * 8)]


class VoiceEntry(ctypes.Structure):
    """espeak_VOICE of speak_lib.h."""

    _fields_ = [("name", ctypes.c_char_p), ("languages", ctypes.c_void_p), ("identifier", ctypes.c_char_p),
                ("gender", ctypes.c_ubyte), ("age", ctypes.c_ubyte), ("variant", ctypes.c_ubyte),
                ("xx1", ctypes.c_ubyte), ("score", ctypes.c_int), ("spare", ctypes.c_void_p)]


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))


class Library:
    """The library, initialised, and what it has said."""

    def __init__(self, path: str, data: str) -> None:
        self._c: Any = ctypes.CDLL(path)
        self._c.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._c.espeak_Info.restype = ctypes.c_char_p
        self.rate = int(self._c.espeak_Initialize(SYNCHRONOUS, 200, data.encode() or None,
                                                  PHONEME_EVENTS | KEEP_PROCESS))
        if self.rate <= 0:
            raise OSError("espeak-ng could not be initialised: is its data installed?")
        if hasattr(self._c, "espeak_ng_SetRandSeed"):  # since 1.52; before, the C library's rand() is unseeded
            self._c.espeak_ng_SetRandSeed(ctypes.c_long(1))
        self.version = self._c.espeak_Info(None).decode("utf-8", "replace")
        self._samples = bytearray()
        self._words: list[tuple[int, int, int]] = []
        self._phonemes: list[tuple[int, int, str]] = []
        self._callback = CALLBACK(self._receive)  # kept: C holds a pointer to it
        self._c.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._samples += ctypes.string_at(samples, 2 * count)
        index = 0
        while events[index].type != END_OF_LIST:
            event = events[index]
            if event.type == WORD:
                self._words.append((event.text_position, event.length, event.sample))
            elif event.type == PHONEME:
                self._phonemes.append((event.text_position, event.sample, event.name.decode("latin1")))
            index += 1
        return 0

    def speak(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The answer's line, and the samples."""
        if self._c.espeak_SetVoiceByName(str(request["voice"]).encode()) != 0:
            return {"error": f"espeak-ng has no voice {request['voice']!r}"}, b""
        alone = [self._sounds(word) for word in request.get("alone", ())]
        if "text" not in request:
            return {"alone": alone}, b""
        for name, parameter in PARAMETERS.items():
            if name in request:
                self._c.espeak_SetParameter(parameter, int(request[name]), 0)
        data = str(request["text"]).encode()
        status = self._c.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 1, 0,
                                      UTF8 | PHONEMES_IN_BRACKETS, None, None)
        if status != 0:
            return {"error": f"espeak-ng could not speak (status {status})"}, b""
        answer = {"rate": self.rate, "bytes": len(self._samples), "words": self._words,
                  "phonemes": self._phonemes, "alone": alone}
        return answer, bytes(self._samples)

    def _sounds(self, text: str) -> str:
        """The phonemes of a text that is spoken alone, with a space between them."""
        pointer = ctypes.c_char_p(text.encode())
        names: list[str] = []
        while pointer.value:
            found = self._c.espeak_TextToPhonemes(ctypes.byref(pointer), UTF8, ord(SEPARATOR) << 8)
            names += (found or b"").decode("utf-8", "replace").replace(SEPARATOR, " ").split()
        return " ".join(names)

    def voices(self, kind: str) -> list[tuple[str, list[str], int, str]]:
        """Name, languages with the best first, gender and identifier of every voice that is no MBROLA voice;
        of the variants, where that is the kind."""
        self._c.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(VoiceEntry))
        wanted = VoiceEntry(languages=ctypes.cast(ctypes.c_char_p(kind.encode()), ctypes.c_void_p)) if kind else None
        listed = self._c.espeak_ListVoices(ctypes.byref(wanted) if wanted else None)
        found = []
        index = 0
        while listed[index]:
            entry = listed[index].contents
            identifier = entry.identifier.decode("utf-8", "replace")
            if not identifier.startswith("mb/"):
                found.append((entry.name.decode("utf-8", "replace"), _languages(entry.languages),
                              int(entry.gender), identifier))
            index += 1
        return found


def _languages(address: int) -> list[str]:
    """Pairs of a priority byte and a name that ends with 0; a priority 0 ends the list."""
    found = []
    while ctypes.string_at(address, 1) != b"\0":
        name = ctypes.string_at(address + 1)
        found.append(name.decode())
        address += len(name) + 2
    return found


def _answer(library: Library, line: bytes, out: Any) -> None:
    request = json.loads(line)
    if "list" in request:
        head, body = {"voices": library.voices(request["list"])}, b""
    else:
        head, body = library.speak(request)
    out.write(json.dumps(head).encode() + b"\n" + body)
    out.flush()


def main() -> None:
    """Answer until standard input ends, or where there is no fork, once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides when it is over
    out = sys.stdout.buffer
    try:
        library = Library(sys.argv[1], sys.argv[2])
    except OSError as error:
        out.write(json.dumps({"error": str(error)}).encode() + b"\n")
        return
    out.write(json.dumps({"version": library.version}).encode() + b"\n")
    out.flush()
    for line in iter(sys.stdin.buffer.readline, b""):
        if not hasattr(os, "fork"):
            _answer(library, line, out)
            return
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _answer(library, line, out)
                code = 0
            finally:
                os._exit(code)
        if os.waitpid(child, 0)[1] != 0:
            break  # the line may be half written: whoever reads it sees the end of it


if __name__ == "__main__":
    main()
