"""A TCP relay between a loader and its server, which stops at a chosen byte or at COMMIT: to cut, or to hold.

It understands of the protocol only where a statement stands, so it has to be left unencrypted to stop at COMMIT.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.bench import Bench

BLOCK = 1 << 16
BEFORE_COMMIT, AFTER_COMMIT = "before COMMIT", "after COMMIT"
QUERY_COMMIT, LOAD_DATA = b"\x03COMMIT", b"load data local"


class _Cut(Exception):
    """The connection is to be dropped here."""


@dataclass(frozen=True)
class Stop:
    """Where the relay stops: at that byte of all that loaders send, or around the COMMIT of a load.

    A connection that is cut ends at once, `resets` as if the machine had gone; `answered` is how many bytes of the
    server's answer to COMMIT still pass. One that is not cut is held until `release`.
    """

    at: int | str
    cuts: bool = True
    resets: bool = False
    answered: int = 0


@dataclass
class Proxy:
    """The relay, as a context; `sent` counts the bytes that loaders sent, `reached` tells that it has stopped."""

    server_port: int
    stop: Stop | None = None
    host: str = "127.0.0.1"
    sent: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    _drops: bool = False
    _released: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Proxy:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def release(self, *, cuts: bool = False) -> None:
        """Let what is held go on, or drop its connection."""
        self._drops = self._drops or cuts
        self._released.set()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with suppress(OSError, _Cut), client, socket.create_connection(("127.0.0.1", self.server_port)) as server:
            _Wire(self, client, server).run()

    def _pass_on(self, block: bytes, is_commit: bool) -> bytes:
        """Count what a loader sends and give what of it goes on; raises _Cut behind that."""
        with self._lock:
            before, self.sent = self.sent, self.sent + len(block)
        if not self.stop or self.reached.is_set():
            return block
        if is_commit and self.stop.at == BEFORE_COMMIT:
            self._hold_or_cut()
        if isinstance(self.stop.at, int) and self.sent >= self.stop.at:
            if self.stop.cuts:
                self.reached.set()
                return block[: self.stop.at - before]
            self._hold_or_cut()
        return block

    def _hold_or_cut(self) -> None:
        self.reached.set()
        if self.stop and not self.stop.cuts:
            self._released.wait()
        if self._drops or (self.stop and self.stop.cuts):
            raise _Cut


class _Wire:
    """One connection through the relay."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._streams = self._answers_commit = False

    def run(self) -> None:
        stop = self._proxy.stop
        try:
            while True:
                for ready in select.select([self._client, self._server], [], [])[0]:
                    block = ready.recv(BLOCK)
                    if not block:
                        return
                    (self._up if ready is self._client else self._down)(block)
        except _Cut:
            if stop and stop.resets:
                for end in (self._client, self._server):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _up(self, block: bytes) -> None:
        self._streams = self._streams or LOAD_DATA in block.lower()
        is_commit = self._streams and block.endswith(QUERY_COMMIT)
        passed = self._proxy._pass_on(block, is_commit)
        self._server.sendall(passed)
        if len(passed) < len(block):
            raise _Cut
        self._answers_commit = is_commit

    def _down(self, block: bytes) -> None:
        stop = self._proxy.stop
        if self._answers_commit and stop and stop.at == AFTER_COMMIT and not self._proxy.reached.is_set():
            self._client.sendall(block[: stop.answered] if stop.cuts else b"")
            self._proxy._hold_or_cut()
        self._client.sendall(block)


def through(proxy: Proxy, bench: Bench, home: Path, *, is_encrypted: bool = False) -> Bench:
    """Return a bench whose loaders reach their server through the relay only."""
    profile = yaml.safe_load((bench.server.home / "profiles.yml").read_text(encoding="utf-8"))
    for output in profile["afterstate"]["outputs"].values():
        output.update(port=proxy.port, **({} if is_encrypted else {"ssl_disabled": True}))
    home.mkdir(exist_ok=True)
    (home / "profiles.yml").write_text(yaml.safe_dump(profile))
    return bench.at_home(home)
