"""A real MySQL server for tests: Debian's newest, unpacked beside the system as any user; nothing is installed.

The session fixture `mysql` starts it on a free port of 127.0.0.1 and throws its data away at the end. The packages
come through apt-get, which checks Debian's signature, and stay unpacked in the user's cache. Where there are no
Debian packages the tests that need it are skipped by name. The server dies with the test run, however that ends, and
the next run deletes the data that a killed one left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
import pytest

from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGE = "mysql-server-core"
HOST = "127.0.0.1"
SKIP = "MySQL server not run: "


class NoDebianError(Exception):
    """Debian's packages cannot be had on this system."""


@dataclass(frozen=True, slots=True)
class MysqlServer:
    """A running server: the account is root, without a password, over TCP."""

    host: str
    port: int
    version: str

    @property
    def admin_url(self) -> str:
        return f"mysql+pymysql://root@{self.host}:{self.port}/"


@pytest.fixture(scope="session")
def mysql() -> Iterator[MysqlServer]:
    """The real MySQL server of this test run."""
    home = cache_dir() / "mysql-server"
    home.mkdir(parents=True, exist_ok=True)
    try:
        root = unpacked_server(home)
    except NoDebianError as error:
        pytest.skip(SKIP + str(error))
    with data_dir(home) as data, running_server(root, data) as server:
        yield server


def cache_dir() -> Path:
    """Where downloads are kept between runs."""
    if own := os.environ.get("RTPIPE_CACHE_DIR"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "rtpipe"


def unpacked_server(home: Path) -> Path:
    """The folder with the server and all its libraries, downloaded if this is the first time."""
    root = home / "root"
    with locked(home / "lock"):
        if not root.exists():
            source = debian_source()
            for left_over in home.glob("partial-*"):
                shutil.rmtree(left_over)
            partial = Path(tempfile.mkdtemp(prefix="partial-", dir=home))
            download(source, KEYRING, partial)
            for package in partial.glob("cache/archives/*.deb"):
                subprocess.run(["dpkg-deb", "--extract", package, partial / "root"], check=True)
            (partial / "root").rename(root)
            shutil.rmtree(partial)
    return root


def debian_source() -> str:
    """The address that this system takes Debian's own packages from."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise NoDebianError("this system has no apt-get")
    if not KEYRING.exists():
        raise NoDebianError(f"{KEYRING} is missing (package debian-archive-keyring)")
    apt = Path("/etc/apt")
    for path in [apt / "sources.list", *sorted(apt.glob("sources.list.d/*"))]:
        lines = path.read_text() if path.suffix in {".list", ".sources"} and path.exists() else ""
        if found := re.search(r"^(?:deb(?: +\[[^]]*\])?|URIs:) +(\S+/debian/?)(?:\s|$)", lines, re.MULTILINE):
            return found[1]
    raise NoDebianError(f"no source in {apt} is Debian's")


def download(source: str, keyring: Path, folder: Path) -> None:
    """Fetch the server and all that it depends on into `folder`/cache/archives; unsigned or altered is an error."""
    for needed in ("lists/partial", "cache/archives/partial"):
        (folder / needed).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [signed-by={keyring}] {source} sid main\n")
    (folder / "apt.conf").write_text(apt_settings(folder))
    for command in (["update"], ["install", "--yes", "--download-only", PACKAGE]):
        result = subprocess.run(
            ["apt-get", "-qq", *command],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ | {"APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"},
        )
        said = result.stdout + result.stderr
        if re.search(r"GPG error|not signed|NO_PUBKEY|Hash Sum mismatch|cannot be authenticated", said):
            raise AssertionError(f"{source}: the packages are not what Debian signed:\n{said}")
        if result.returncode:
            raise NoDebianError(f"apt-get {command[0]} failed: {said.strip()[-500:]}")


def apt_settings(folder: Path) -> str:
    """Only our own settings, plus how this system reaches its package source (proxies, certificates)."""
    system = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    network = r"^Acquire::(?:https?|ftp|Retries|ForceIPv\d|Check-Valid-Until|Check-Date)\b.*$"
    settings = {
        "Dir::Etc::Main": "/dev/null",  # no hooks and no weaker settings of the system's
        "Dir::Etc::Parts": "/dev/null",
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::AllowWeakRepositories": "false",
        "Acquire::AllowDowngradeToInsecureRepositories": "false",
        "Acquire::Languages": "none",
        "APT::Get::AllowUnauthenticated": "false",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() == 0 else "",
        "Debug::NoLocking": "true",
    }
    ours = "".join(f'{name} "{value}";\n' for name, value in settings.items())
    return "\n".join(re.findall(network, system, re.MULTILINE)) + "\n" + ours


@contextlib.contextmanager
def data_dir(home: Path) -> Iterator[Path]:
    """An empty folder for this run alone; those that killed runs left are deleted first."""
    for left_over in home.glob("data-*"):
        with contextlib.suppress(BlockingIOError), locked(left_over / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(left_over)
    folder = Path(tempfile.mkdtemp(prefix="data-", dir=home))
    with locked(folder / "lock"):
        yield folder
        shutil.rmtree(folder)


@contextlib.contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock that ends with this process at the latest."""
    with path.open("w") as file:
        fcntl.flock(file, how)
        yield


@contextlib.contextmanager
def running_server(root: Path, folder: Path, *more: str, disk_mb: int = 0, port: int = 0) -> Iterator[MysqlServer]:
    """Initialise the data, start the server, wait until it answers, kill it (SIGKILL) in the end. `port` 0: a free one.

    With `disk_mb`, the data lie on a disk of that size, which nobody else sees and which is gone with the server.
    """
    log = folder / "log"
    command = server_command(root, folder / "data")
    with log.open("w") as out:
        subprocess.run([*command, "--initialize-insecure"], check=False, stdout=out, stderr=out, cwd=folder)
        port = port or free_port()
        process = subprocess.Popen(
            [
                *(on_small_disk(folder / "data", disk_mb) if disk_mb else []),
                *command,
                *(f"--port={port}", f"--bind-address={HOST}", "--socket=socket"),
                *(["--user=root"] if disk_mb else []),
                *more,
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
        )

    def answer() -> str:
        if process.poll() is not None:
            raise RuntimeError(f"mysqld ended with exit code {process.returncode}:\n{log.read_text()[-2000:]}")
        try:
            with pymysql.connect(host=HOST, port=port, user="root") as connection, connection.cursor() as cursor:
                cursor.execute("SELECT VERSION()")
                return str((cursor.fetchone() or [""])[0])
        except pymysql.err.OperationalError:
            return ""

    try:
        yield MysqlServer(HOST, port, eventually(answer, within=60, what="mysqld answers"))
    finally:
        process.kill()
        process.wait()


def server_command(root: Path, data: Path) -> list[str]:
    """The server, run by the loader and with the libraries that it was built for."""
    [loader] = root.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*")
    return [
        *("setpriv", "--pdeathsig", "KILL"),  # killed with the test run
        str(loader),
        "--library-path",
        str(loader.parent),
        str(root / "usr/sbin/mysqld"),
        "--no-defaults",
        *(["--user=root"] if os.geteuid() == 0 else []),
        f"--basedir={root / 'usr'}",
        f"--datadir={data}",
        f"--lc-messages-dir={root / 'usr/share/mysql'}",
        f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
        "--secure-file-priv=",
        "--local-infile=ON",
        "--mysqlx=OFF",
    ]


def on_small_disk(data: Path, megabytes: int) -> list[str]:
    """What to put before a command so that it finds `data` copied to a tmpfs, mounted for it alone."""
    script = (
        'mount -t tmpfs -o "size=$1m" tmpfs /mnt && cp -a "$0/." /mnt && mount --bind /mnt "$0" && shift && exec "$@"'
    )
    namespaces = ["--mount"] if os.geteuid() == 0 else ["--mount", "--user", "--map-root-user"]
    return ["unshare", *namespaces, "sh", "-c", script, str(data), str(megabytes)]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
