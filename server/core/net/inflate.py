"""Undoing the compression of an answer a little at a time, so that a small body that unfolds to
gigabytes is noticed at the cap and not in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from server.core.errors import Upstream

ENCODINGS = "gzip, deflate"
_STEP = 256 * 1024
_EITHER_HEADER = zlib.MAX_WBITS | 32


class Inflater:
    """`feed` gives the plain bytes of a piece, in steps."""

    def __init__(self, encoding: str) -> None:
        self._name = encoding.strip().lower()
        if self._name not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Upstream(f"The answer is packed as “{encoding[:40]}”, which was not asked for.")
        self._plain = self._name in ("", "identity")
        self._unzip = zlib.decompressobj(_EITHER_HEADER)
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._plain or not data:
            if data:
                yield data
            return
        try:
            yield from self._steps(data)
        except zlib.error:
            raise Upstream("The answer's compressed body is broken.") from None

    def _steps(self, data: bytes) -> Iterator[bytes]:
        more = True
        while more:
            piece = self._step(data)
            if piece:
                yield piece
            data = self._unzip.unconsumed_tail
            # A full step may have left something behind even when all of the input was taken.
            more = bool(data) or len(piece) == _STEP
            if self._unzip.eof:
                # A body may be several compressed ones, one after the other.
                data = self._unzip.unused_data
                more = bool(data)
                self._unzip = zlib.decompressobj(_EITHER_HEADER)

    def _step(self, data: bytes) -> bytes:
        begun, self._begun = self._begun, True
        try:
            return self._unzip.decompress(data, _STEP)
        except zlib.error:
            if begun or self._name != "deflate":
                raise
            # Half of the world means the bare form by "deflate".
            self._unzip = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._unzip.decompress(data, _STEP)
