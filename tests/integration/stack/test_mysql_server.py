"""The tests' own MySQL server: it is the real one, unsigned packages are refused, and no run leaves it behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pymysql
import pytest

from tests.support.stack import mysql_server
from tests.support.waits import eventually

if TYPE_CHECKING:
    from tests.support.stack.mysql_server import MysqlServer

PROJECT = Path(__file__).parents[3]


def test_root_reaches_a_real_mysql_by_tcp(mysql: MysqlServer) -> None:
    with pymysql.connect(host=mysql.host, port=mysql.port, user="root") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION(), @@version_comment, @@default_storage_engine")
        version, comment, engine = cursor.fetchone() or ("", "", "")
    assert int(version.split(".")[0]) >= 8
    assert version == mysql.version
    assert "MariaDB" not in version + comment
    assert engine == "InnoDB"
    assert mysql.admin_url == f"mysql+pymysql://root@127.0.0.1:{mysql.port}/"


@pytest.mark.parametrize("signature", ["", "not a signature"], ids=["unsigned", "wrongly signed"])
def test_packages_that_debian_did_not_sign_are_refused(tmp_path: Path, signature: str) -> None:
    try:
        mysql_server.debian_source()
    except mysql_server.NoDebianError as error:
        pytest.skip(mysql_server.SKIP + str(error))
    suite = tmp_path / "mirror" / "dists" / "sid"
    suite.mkdir(parents=True)
    (suite / "Release").write_text("Origin: Debian\nSuite: unstable\nCodename: sid\nComponents: main\n")
    if signature:
        (suite / "Release.gpg").write_text(signature)
    with pytest.raises(AssertionError, match="not what Debian signed"):
        mysql_server.download(f"file:{tmp_path}/mirror", mysql_server.KEYRING, tmp_path / "apt")


@pytest.mark.faults
def test_a_killed_run_takes_its_server_along_and_the_next_deletes_its_data(mysql: MysqlServer, tmp_path: Path) -> None:
    """The cache of that run holds the same unpacked server, so that nothing is downloaded."""
    home = tmp_path / "mysql-server"
    home.mkdir()
    (home / "root").symlink_to(mysql_server.cache_dir() / "mysql-server" / "root")
    run = subprocess.Popen([sys.executable, "-c", RUN, str(home)], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        assert run.stdout is not None
        server = psutil.Process(int(run.stdout.readline()))
        assert server.is_running()
    finally:
        run.kill()
        run.communicate()
    eventually(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, what="the server is gone")
    assert len(list(home.glob("data-*"))) == 1
    with mysql_server.data_dir(home) as mine:
        assert list(home.glob("data-*")) == [mine]


RUN = """
import pathlib, signal, sys, psutil
from tests.support.stack import mysql_server
home = pathlib.Path(sys.argv[1])
with mysql_server.data_dir(home) as data, mysql_server.running_server(mysql_server.unpacked_server(home), data):
    print(psutil.Process().children()[0].pid, flush=True)
    signal.pause()
"""
