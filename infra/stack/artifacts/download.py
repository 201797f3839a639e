"""Downloads locked files through jgo: each is checked before it takes its final name."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from jgo.maven import MavenContext, PythonResolver

from infra.stack.artifacts.lock import sha256_of
from infra.stack.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from infra.stack.artifacts.lock import LockedFile

_TRIES = 3
_AT_ONCE = 4
_TIMEOUT = 30
_PARTIAL = "partial-"
_NETWORK_HINT = (
    "Check the network (HTTPS_PROXY is honoured), or name a Maven repository that you can reach with "
    "RTPIPE_MAVEN_REPOSITORY; then run it again: what is complete is kept."
)


def download(files: Sequence[LockedFile], into: Path, progress: Callable[[int], None]) -> None:
    """Download `files` into the directory `into`. After an error, the files that are there are complete and checked."""
    for left_over in into.glob(f"{_PARTIAL}*"):  # of a run that was killed; the caller holds the cache's lock
        shutil.rmtree(left_over, ignore_errors=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = [pool.submit(_download_one, file, into, progress) for file in files]
        try:
            for one in waiting:
                one.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _download_one(file: LockedFile, into: Path, progress: Callable[[int], None]) -> None:
    for attempt in range(1, _TRIES + 1):
        try:
            with tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=into, ignore_cleanup_errors=True) as scratch:
                _fetch(file, Path(scratch), progress).replace(into / file.filename)
        except DownloadError:
            if attempt == _TRIES:
                raise
        else:
            return


def _fetch(file: LockedFile, scratch: Path, progress: Callable[[int], None]) -> Path:
    """The file's path in `scratch`, with the right bytes on disk."""
    came = 0

    @contextlib.contextmanager
    def follow(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        def add(count: int) -> None:
            nonlocal came
            came += count
            progress(count)

        yield add

    try:
        path = _artifact_path(file, scratch, PythonResolver(progress_callback=follow))
        _check(file, path)
    except BaseException as exc:
        progress(-came)
        if (translated := _translated(exc, file)) is not None:
            raise translated from exc
        raise
    return path


def _artifact_path(file: LockedFile, scratch: Path, resolver: PythonResolver) -> Path:
    mirror = os.environ.get("RTPIPE_MAVEN_REPOSITORY")
    context = MavenContext(
        resolver=resolver,
        repo_cache=scratch,
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=_TIMEOUT,
    )
    component = context.project(file.group, file.artifact).at_version(file.version)
    return component.artifact(file.classifier, file.kind).resolve()


def _check(file: LockedFile, path: Path) -> None:
    """Sync before the rename, so that after a power cut the name cannot be on other bytes."""
    with path.open("rb") as written:
        os.fsync(written.fileno())
    found = sha256_of(path)
    if found != file.sha256:
        raise DownloadError(
            f"{file.filename} came with SHA-256 {found}, but stack.lock says {file.sha256}",
            hint="Something between here and the repository alters files. " + _NETWORK_HINT,
        )


def _translated(exc: BaseException, file: LockedFile) -> DownloadError | None:
    """Our own error for an error of jgo; None for any other error."""
    if isinstance(exc, requests.RequestException | RuntimeError):  # jgo: RuntimeError where no repository has it
        return DownloadError(f"{file.filename} cannot be downloaded: {_innermost(exc)}", hint=_NETWORK_HINT)
    return None  # the disk's own errors go to the caller, who knows whose disk it is


def _innermost(exc: BaseException) -> str:
    """The first cause of an HTTP error, without the layers around it."""
    while (cause := exc.__cause__ or exc.__context__) is not None:
        exc = cause
    return str(exc) or type(exc).__name__
