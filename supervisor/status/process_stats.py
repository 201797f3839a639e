"""Memory and CPU of workers, by psutil."""

from __future__ import annotations

import time

import psutil

#: Seconds between two measurements of the same processes: counting pages costs the kernel a millisecond a process.
_FRESH = 2.0


class ProcessStats:
    """Remembers the last measurement: CPU is a difference between two of them, and they are not free."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}
        self._looks: dict[tuple[int, ...], tuple[float, int | None, float | None]] = {}

    def of(self, pids: list[int]) -> tuple[int | None, float | None]:
        """Memory in bytes (PSS: a shared page counts by its share) and CPU percent of one core, summed.

        At most two seconds old; None for both if a process is gone, or the system does not let us look.
        """
        now = time.monotonic()
        looked, memory, cpu = self._looks.get(tuple(pids), (-_FRESH, None, None))
        if now - looked >= _FRESH:
            memory, cpu = self._look(pids)
            self._looks[tuple(pids)] = now, memory, cpu
        return memory, cpu

    def _look(self, pids: list[int]) -> tuple[int | None, float | None]:
        memory, cpu = 0, 0.0
        for pid in pids:
            try:
                process = self._known.setdefault(pid, psutil.Process(pid))
                memory += process.memory_full_info().pss
                cpu += process.cpu_percent(interval=None)
            except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):  # the last: no file can be opened just now
                self._known.pop(pid, None)
                return None, None
        return (memory, cpu) if pids else (None, None)

    def forget_all_but(self, pids: set[int]) -> None:
        """Drop processes that have ended, before the system gives their pids to others."""
        self._known = {pid: process for pid, process in self._known.items() if pid in pids}
        self._looks = {group: look for group, look in self._looks.items() if pids.issuperset(group)}
