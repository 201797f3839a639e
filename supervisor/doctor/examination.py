"""Runs checks: each with a time limit of its own, areas side by side, so that what is away holds up nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rtpipe.errors import ExitCode, RtpipeError
from supervisor.doctor.finding import Finding, Verdict, failure, failure_of

#: Seconds of one check: more than the clients of the services need to give up by themselves.
SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Check:
    """A question, and the name under which its failure is told."""

    name: str
    ask: Callable[[], Sequence[Finding]]
    seconds: float = SECONDS


@dataclass(frozen=True, slots=True)
class Area:
    """Checks that belong together. With `needs_first`, the others are asked only if nothing fails in the first."""

    name: str
    checks: Sequence[Check]
    needs_first: bool = True


@dataclass(frozen=True, slots=True)
class Examined:
    """An area, and all that was found in it."""

    name: str
    findings: Sequence[Finding]


def examine(areas: Sequence[Area]) -> list[Examined]:
    """Every area's findings, in order."""
    found: dict[str, list[Finding]] = {area.name: [] for area in areas}
    threads = [
        threading.Thread(target=lambda area=area: found[area.name].extend(_findings(area)), daemon=True)
        for area in areas
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [Examined(name, findings) for name, findings in found.items()]


def exit_code_of(examined: Sequence[Examined]) -> ExitCode:
    """DIFFERENT if anything fails."""
    fails = any(finding.verdict is Verdict.FAIL for area in examined for finding in area.findings)
    return ExitCode.DIFFERENT if fails else ExitCode.DONE


def _findings(area: Area) -> list[Finding]:
    findings: list[Finding] = []
    for number, check in enumerate(area.checks):
        if area.needs_first and number and findings[0].verdict is Verdict.FAIL:
            findings.append(failure(check.name, f"not looked at, because {findings[0].name} fails"))
        else:
            findings += _answer(check)
    return findings


def _answer(check: Check) -> Sequence[Finding]:
    """What the check found, or why it found nothing. A thread that hangs is left behind: the process ends soon."""
    answers: list[Sequence[Finding]] = []
    thread = threading.Thread(target=lambda: answers.append(_asked(check)), daemon=True)
    thread.start()
    thread.join(check.seconds)
    if answers:
        return answers[0]
    return [
        failure(check.name, f"no answer within {check.seconds:g} s", fix="is the service overloaded, or the network?")
    ]


def _asked(check: Check) -> Sequence[Finding]:
    try:
        return check.ask()
    except RtpipeError as error:
        return [failure_of(check.name, error)]
    except Exception as error:  # its text may hold anything, a password too
        return [failure(check.name, f"the check itself failed: {type(error).__name__}", fix="report it as a bug")]
