"""One process beside the workers: whatever happens to it, the stream goes on."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from rtpipe.deadline import Deadline
from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from workers.contract.death import ending_in_words

log = get_logger("supervisor")
#: Between two starts. One that lived for `_WELL` seconds starts again at once.
_PAUSES = PausePolicy(first=1.0, longest=60.0)
_WELL = 60.0
#: Seconds that it gets to end by itself, once its standard input has ended.
_GRACE = 3.0
#: Between two looks whether it has taken the rest of a line.
_LOOKS = PausePolicy.steady(0.01)


class Companion:
    """`python -m module`, which reads lines from its standard input and ends with it: also if we are killed."""

    def __init__(
        self,
        name: str,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        hear: Callable[[str], None] | None = None,
    ) -> None:
        """`environment` is added to our own, for what must not be seen among the arguments. `hear` is called, in
        another thread, with each line of its standard output.
        """
        self.name = name
        # -P: modules of the working directory are not ours
        self._command: Sequence[str] = (sys.executable, "-P", "-m", module, *arguments)
        self._environment = dict(environment or {})
        self._hear = hear
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""  #: of a line, what the pipe had no room for
        self._deaths = 0
        self._started = self._due = 0.0
        self.starts = 0  #: how often it was started: what it was told before is told anew

    def look(self, now: float) -> None:
        """Start it if it is due; say so if it has died; give it the rest of a line. `now`: monotonic seconds."""
        if self._process is not None and (code := self._process.poll()) is not None:
            self._ended(code, now)
        if self._process is None and now >= self._due:
            self._start(now)
        self._flush()

    def _start(self, now: float) -> None:
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if self._hear else subprocess.DEVNULL,
                env=os.environ | self._environment,
            )
        except OSError as exc:
            self._deaths += 1
            self._due = now + _PAUSES.seconds(self._deaths)
            self._say(f"cannot be started: {exc.strerror}")
            return
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
        if self._process.stdout is not None:
            threading.Thread(target=self._listen, args=(self._process.stdout,), name=self.name, daemon=True).start()
        self._started = now
        self.starts += 1

    def _listen(self, said: IO[bytes]) -> None:
        with said:
            for line in said:
                if self._hear is not None:
                    self._hear(line.decode())

    def _ended(self, code: int, now: float) -> None:
        self._deaths = 1 if now - self._started >= _WELL else self._deaths + 1
        pause = _PAUSES.seconds(self._deaths)
        self._due = now + pause
        self._close()
        self._say(f"{ending_in_words(code)}; it starts again in {pause:.0f} s, and the partitions go on")

    def _say(self, what: str) -> None:
        """Once, until it has lived for a while: what it needs may be away for hours."""
        level = logging.WARNING if self._deaths == 1 else logging.DEBUG
        log.log(level, "%s: %s", self.name, what, extra={"event": "companion_died"})

    def tell(self, line: bytes) -> bool:
        """Give it a line, if it runs and takes it at once."""
        if self._process is None or self._process.stdin is None:
            return False
        if not self._flush():
            return False
        self._rest = line
        self._flush()
        return True

    def _flush(self) -> bool:
        """Write what the pipe has not taken yet; whether nothing is left."""
        if self._process is None or self._process.stdin is None:
            return False
        try:
            while self._rest:
                self._rest = self._rest[os.write(self._process.stdin.fileno(), self._rest) :]
        except OSError:  # it is full, or its reader is gone, of which `look` hears
            return False
        return True

    def stop(self, seconds: float = _GRACE) -> None:
        """Let it end by itself within so many seconds, or kill it."""
        if self._process is None:
            return
        process, deadline = self._process, Deadline.after(seconds)
        while not self._flush() and process.poll() is None and not deadline.passed():
            time.sleep(_LOOKS.seconds())
        self._close()
        try:
            process.wait(max(0.0, deadline.moment - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process, self._rest = None, b""
