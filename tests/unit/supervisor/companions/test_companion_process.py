"""What a process beside the workers does first."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest


def run(code: str, said: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    code = f"import os, signal, sys; from supervisor.companions import companion_process as p; {code}"
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, input=said)


def test_what_native_code_prints_when_it_aborts_is_in_no_log() -> None:
    done = run("p.begin(); os.write(2, b'rdkafka: Assertion failed'); print('ours', file=sys.stderr); os.abort()")
    assert (done.returncode, done.stderr) == (-signal.SIGABRT, b"ours\n")


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_terminals_keys_do_not_end_it(number: str) -> None:
    assert run(f"p.begin(); os.kill(os.getpid(), signal.{number}); print('lives')").stdout == b"lives\n"


def test_the_first_line_is_taken_and_nothing_behind_it() -> None:
    done = run("print(p.first_line(), os.read(0, 99))", b"one\ntwo\n")
    assert done.stdout.strip() == b"b'one\\n' b'two\\n'"
    assert run("print(p.first_line())", b"torn").stdout.strip() == b"b''"
