"""Evidence that something was not touched: files that were not opened, addresses that were not asked."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_OPENED, _READ = 0x20, 0x01


class Watch:
    """Notices when one of some files is opened or read, by anyone and in any way; Linux only."""

    def __init__(self, *paths: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._libc, "inotify_init1"):
            pytest.skip("files can be watched on Linux only")
        self._handle = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._names = {self._libc.inotify_add_watch(self._handle, os.fsencode(path), _OPENED | _READ): path.name
                       for path in paths}
        assert self._handle >= 0 and min(self._names) >= 0, os.strerror(ctypes.get_errno())

    def touched(self) -> set[str]:
        """Names of the files that were touched since the last time."""
        found = set()
        while True:
            try:
                events = os.read(self._handle, 1 << 16)
            except BlockingIOError:
                return found
            place = 0
            while place < len(events):
                number, _, _, length = struct.unpack_from("iIII", events, place)
                found.add(self._names[number])
                place += 16 + length

    def close(self) -> None:
        os.close(self._handle)


@contextmanager
def watch(*paths: Path) -> Iterator[Watch]:
    """Watch files for a while."""
    watched = Watch(*paths)
    try:
        yield watched
    finally:
        watched.close()


class Server:
    """A web server that gives the same file to every request, and counts them."""

    def __init__(self, content: bytes) -> None:
        self.requests: list[str] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "audio/wav")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serve(path: Path) -> Iterator[Server]:
    """Serve a file for a while."""
    server = Server(path.read_bytes())
    try:
        yield server
    finally:
        server.close()
