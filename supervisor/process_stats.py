"""Memory and CPU of workers, by psutil."""

from __future__ import annotations

import psutil


class ProcessStats:
    """Remembers each process between two looks, since CPU is a difference."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}

    def of(self, pids: list[int]) -> tuple[int | None, float | None]:
        """Memory in bytes (PSS: a shared page counts by its share) and CPU percent of one core, summed.

        None for both if a process is gone.
        """
        memory, cpu = 0, 0.0
        for pid in pids:
            try:
                process = self._known.setdefault(pid, psutil.Process(pid))
                memory += process.memory_full_info().pss
                cpu += process.cpu_percent(interval=None)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                self._known.pop(pid, None)
                return None, None
        return (memory, cpu) if pids else (None, None)

    def forget_all_but(self, pids: set[int]) -> None:
        """Drop processes that are gone, before their numbers come back as others."""
        for pid in self._known.keys() - pids:
            del self._known[pid]
