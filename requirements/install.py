"""Makes `.venv` from the locks, for the Makefile: `install.py run`, `install.py dev`, `install.py lock [--upgrade]`.

`install.py docs` makes an environment of its own, for tools.

    run.txt   the project with `rtpipe[local,fast,page,top]`, and setuptools to install it: what `make demo` needs
    dev.txt   the same versions, and the tools of `make test` and `make check`
    image.txt the same versions without what only the embedded stack needs: what the Dockerfile installs
    docs.txt  what makes a site of docs/: `make docs`
    lock.txt  uv, which makes these files

Only wheels whose hash is in the lock are installed. A fingerprint of what was installed makes the next run do
nothing, without the network. Standard library only: it runs before anything is there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

PROJECT = Path(__file__).resolve().parent.parent
LOCKS = PROJECT / "requirements"
VENV = PROJECT / ".venv"
WHOLE = VENV / ".whole"  # not there while something is installed: what a kill left is not built upon
WHEELS = ("--require-hashes", "--only-binary", ":all:", "--requirement")
WHOLE_PRODUCT = ("pyproject.toml", *["--extra", "local", "--extra", "fast", "--extra", "page", "--extra", "top"])
COMPILED = {
    "run": (*WHOLE_PRODUCT, "--group", "build"),
    "dev": (*WHOLE_PRODUCT, "--group", "dev", "--constraint", "requirements/run.txt"),
    "image": ("pyproject.toml", "--extra", "fast", "--group", "build", "--constraint", "requirements/run.txt"),
    "docs": ("--group", "docs"),
    "lock": ("--group", "lock"),
}


def main(arguments: list[str]) -> None:
    """Do one of the jobs, one at a time in this folder."""
    os.chdir(PROJECT)
    folder = os.open(PROJECT, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    match arguments:
        case ["run" | "dev" as what]:
            install(what)
        case ["docs"]:
            tools("docs")
        case ["lock", *options]:
            make_locks(options)
        case _:
            give_up("usage: install.py run | dev | docs | lock [--upgrade]")


def install(what: str) -> None:
    """Bring `.venv` to what the lock says, or find that it is there already."""
    if not is_usable():
        say(f"Python {sys.version.split()[0]} -> .venv")
        make_venv(VENV)
    if is_installed(what):
        return
    WHOLE.unlink(missing_ok=True)
    lock = LOCKS / f"{what}.txt"
    pip(VENV, f"packages of requirements/{what}.txt", "install", *WHEELS, str(lock), count=count_packages(lock))
    pip(VENV, "rtpipe itself", "install", "--no-index", "--no-deps", "--no-build-isolation", "--editable", ".")
    for part in ("run", what):  # dev.txt holds all of run.txt, in the same versions
        stamp(part).write_text(fingerprint(part))
    WHOLE.touch()


def make_locks(options: list[str]) -> None:
    """Resolve the requirements for all Pythons at once and write them down with hashes, but without an index."""
    uv = tools("lock") / "uv"
    for name, sources in COMPILED.items():
        out = f"requirements/{name}.txt"
        say(out)
        command = [str(uv), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--only-binary", ":all:", "--no-emit-index-url", "--no-annotate"]
        result = subprocess.run(
            [*command, *options, "--output-file", out, *sources],
            check=False,
            env=os.environ | {"UV_CUSTOM_COMPILE_COMMAND": "make lock"},
        )
        if result.returncode:
            give_up(f"{out} was not remade: uv's message is above")


def tools(name: str) -> Path:
    """The programs of a lock in an environment of its own, build/NAME: they share no package with rtpipe."""
    folder, lock = PROJECT / "build" / name, LOCKS / f"{name}.txt"
    installed = folder / ".installed"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        make_venv(folder)
        pip(folder, f"packages of requirements/{lock.name}", "install", *WHEELS, str(lock), count=count_packages(lock))
        installed.write_bytes(lock.read_bytes())
    return folder / "bin"


def is_usable() -> bool:
    """Whether `.venv` is whole, still works in this folder, and is of the Python that was asked for."""
    python = VENV / "bin" / "python"
    if not WHOLE.exists() or not python.exists():
        return False
    ask = "import os, sys; print(os.path.realpath(sys.base_prefix), *sys.version_info[:2], sys.prefix, sep='\\n')"
    found = subprocess.run([python, "-c", ask], check=False, capture_output=True, text=True).stdout.split("\n")
    mine = [os.path.realpath(sys.base_prefix), *(str(part) for part in sys.version_info[:2])]
    supported = found[1:3] in (["3", "11"], ["3", "12"], ["3", "13"], ["3", "14"])
    return supported and (found[:3] == mine or not os.environ.get("PYTHON"))


def is_installed(what: str) -> bool:
    """Whether exactly this lock was installed, here, by this interpreter."""
    return stamp(what).exists() and stamp(what).read_text() == fingerprint(what)


def stamp(what: str) -> Path:
    """Where the fingerprint of the installed lock is kept."""
    return VENV / f".installed-{what}"


def fingerprint(what: str) -> str:
    """One text for all that the environment depends on: lock, project files, place and interpreter."""
    digest = hashlib.sha256(f"{PROJECT}\n{(VENV / 'bin' / 'python').resolve()}\n".encode())
    for path in (LOCKS / f"{what}.txt", PROJECT / "pyproject.toml", PROJECT / "setup.cfg", VENV / "pyvenv.cfg"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_venv(folder: Path) -> None:
    """Make an empty environment with a pip of its own."""
    result = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", folder], check=False, capture_output=True, text=True
    )
    if result.returncode or not (folder / "bin" / "pip").exists():
        print(result.stdout + result.stderr, file=sys.stderr)
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        shutil.rmtree(folder, ignore_errors=True)
        give_up(f"{sys.executable} cannot make a virtual environment with pip (Debian, Ubuntu: {package} has it)")


def pip(venv: Path, title: str, *arguments: str, count: int = 0) -> None:
    """Run pip: one line of its own on success, all that it said on failure."""
    command = [str(venv / "bin" / "python"), "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments]
    started, said, seen = time.monotonic(), [], 0
    environment = os.environ | {"PIP_USER": "0", "PIP_PROGRESS_BAR": "off", "PIP_REQUIRE_VIRTUALENV": "0"}
    environment |= {"PIP_REQUIRE_HASHES": "0", "PIP_QUIET": "0", "PIP_VERBOSE": "0", "PIP_NO_COLOR": "1"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            seen += line.startswith("Collecting ")
            if sys.stdout.isatty() and count:
                print(f"\r{title}: {seen}/{count}", end="\033[K", flush=True)
    if sys.stdout.isatty() and count:
        print("\r", end="\033[K")
    if process.returncode:
        print("".join(said[-25:]), file=sys.stderr)
        give_up(f"{title}: not installed, pip's message is above; {advice(''.join(said))}")
    say(f"{title}: installed in {time.monotonic() - started:.0f} s")


def advice(said: str) -> str:
    """What to do about a failure of pip."""
    if "DO NOT MATCH THE HASHES" in said:
        return "a download differs from the lock: try again, and if it stays so, trust neither"
    if "No matching distribution" in said:
        return "needs a package index, and Linux with glibc 2.28 or newer (or macOS)"
    return "try again"


def count_packages(lock: Path) -> int:
    """How many packages a lock names, roughly: some are for other systems."""
    return sum("==" in line for line in lock.read_text().splitlines() if line[0].isalpha())


def say(text: str) -> None:
    """One line a step."""
    print(text, flush=True)


def give_up(message: str) -> NoReturn:
    """Say why, and stop make."""
    sys.exit(f"install: {message}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        give_up("interrupted; run make again")
    except PermissionError as error:
        give_up(f"{error.strerror}: {error.filename} (made by another user? remove .venv, or run make as that user)")
    except OSError as error:
        give_up(str(error))
