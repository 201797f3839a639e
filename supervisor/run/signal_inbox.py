"""Signals as a file to wait for: handlers only record them, the loop acts."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterable


class SignalInbox:
    """A context in which the given signals wake the loop through `fileno` instead of doing anything by themselves."""

    def __init__(self, signals: Iterable[signal.Signals]) -> None:
        self._signals = list(signals)
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._before: dict[signal.Signals, object] = {}
        self._wakeup = -1

    def fileno(self) -> int:
        """Readable once a signal, or `wake`, came."""
        return self._reader.fileno()

    def __enter__(self) -> SignalInbox:
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in self._signals:
            self._before[number] = signal.signal(number, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._reader.close()
        self._writer.close()

    def wake(self) -> None:
        """Wake the loop from another thread, which may outlive it."""
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def take(self) -> list[signal.Signals]:
        """The signals that came since the last call, in order."""
        with contextlib.suppress(BlockingIOError):
            received = self._reader.recv(4096)
            return [signal.Signals(number) for number in received if number]
        return []
