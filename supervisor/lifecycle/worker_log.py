"""The log lines about one worker, each with its event and the partition."""

from __future__ import annotations

from rtpipe.log import get_logger
from supervisor.lifecycle.ends.death_history import DeathHistory
from supervisor.lifecycle.ends.restart_policy import RestartPolicy
from supervisor.lifecycle.generation.generation_end import GenerationEnd
from supervisor.lifecycle.generation.heartbeat_limits import Silence
from workers.contract.reports import QUARANTINED, WORKER_DIED, Ended, Running

log = get_logger("supervisor")


def running(partition: str, report: Running, pid: int) -> None:
    """It has claimed its partition and reads."""
    text = "running from offset %d, epoch %d, pid %d, writer %d"
    log.info(text, report.offset, report.epoch, pid, report.writer_pid, extra=_extra(partition, "worker_claimed"))


def went_back(partition: str, offset: int, found: int) -> None:
    """The stored offset is lower than the last one that was committed here, by its workers."""
    text = (
        "W_REWOUND %s: the database went back from offset %d to %d: a failover that lost commits, a restore, or an"
        " offset that a person set; it is read again from there"
    )
    extra = _extra(partition, "offset_went_back") | {"committed": offset, "offset": found}
    log.warning(text, partition, offset, found, extra=extra)


def not_started(partition: str, reason: str) -> None:
    """No process could be started; it is tried again."""
    log.warning("%s: %s", partition, reason, extra=_extra(partition, "worker_not_started"))


def report_lost(partition: str, error: OSError) -> None:
    """What it reported could not be dealt with; it ends."""
    text = "%s: its report could not be taken, so it is restarted: %s"
    log.warning(text, partition, error.strerror or error, extra=_extra(partition, "worker_report_lost"))


def stuck(partition: str, silence: Silence) -> None:
    """One of its processes gives no sign of life; both are ended."""
    extra = _extra(partition, "worker_stuck") | {"stuck_process": silence.process}
    log.error("E_STUCK %s %s; SIGABRT", partition, silence, extra=extra)


def stacks(partition: str, end: GenerationEnd) -> None:
    """What its processes did when they crashed or were ended: one line for each process that could still say it."""
    for process, text in sorted(end.stacks.items()):
        extra = _extra(partition, "worker_stacks") | {"stacks_of": process, "stacks": text}
        log.warning("%s: the stacks of its %s when it ended", partition, process, extra=extra)


def left_to_retry(partition: str, report: Ended) -> None:
    """It left for a passing trouble and starts again soon."""
    log.warning("%s: %s", report.name, report.text, extra=_extra(partition, "worker_left"))


def left_in_drain(partition: str, report: Ended) -> None:
    """It did not end well in a drain."""
    log.error("%s %s", report.name, report.text, extra=_extra(partition, "worker_left"))


def halted(partition: str, report: Ended) -> None:
    """Only a person starts it again."""
    log.error("%s %s; exiting %d", report.name, report.text, report.code, extra=_extra(partition, "worker_halted"))


def given_up(partition: str, why: str) -> None:
    """It is drained or killed, and served no more."""
    log.info("%s: given up: %s", partition, why, extra=_extra(partition, "partition_given_up"))


def gone(partition: str, offset: int | None) -> None:
    """It is served no more. `offset`: as far as it is committed."""
    done = "nothing of it was claimed" if offset is None else f"committed up to offset {offset}"
    log.info("%s: served no more; %s", partition, done, extra=_extra(partition, "partition_gone"))


def died(partition: str, end: GenerationEnd, deaths: DeathHistory, delay: float) -> None:
    """It starts again in `delay` seconds."""
    death, policy = end.death, deaths.policy
    extra = _extra(partition, "worker_died") | {"died_process": death.process, "died_pid": death.pid}
    log.warning(
        "%s %s pid=%s %s; restart in %.1f s (deaths %d/%d in %.0f s)",
        WORKER_DIED,
        partition,
        "?" if death.pid is None else death.pid,
        end.reason,
        delay,
        deaths.without_progress,
        policy.budget,
        policy.window,
        extra=extra | {"exit_code": death.exit_code},
    )


def quarantined(partition: str, policy: RestartPolicy) -> None:
    """It died too often without progress; it is tried now and then."""
    text = "%s %s %d deaths in %.0f s"
    log.error(text, QUARANTINED, partition, policy.budget, policy.window, extra=_extra(partition, "worker_quarantined"))


def _extra(partition: str, event: str) -> dict[str, object]:
    return {"event": event, "partition": partition}
