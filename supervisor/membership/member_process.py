"""A process of its own: the member of the group. Standard input: start and orders; standard output: what it says."""

from __future__ import annotations

import time
from collections.abc import Callable

from rtpipe.errors import RtpipeError
from rtpipe.log import log_to_stderr
from supervisor.companions import companion_process
from supervisor.membership.group_member import Fate, GroupMember
from supervisor.membership.group_session import brokers_session
from supervisor.membership.member_words import MemberStart, Said, Word
from supervisor.membership.orders import Orders

#: Seconds until it tries again to join.
_PAUSE = 2.0


class MemberProcess:
    """Joins, and joins again, as long as the supervisor lives."""

    def __init__(self, start: MemberStart, orders: Orders, say: Callable[[Said], None]) -> None:
        self._start = start
        self._orders = orders
        self._say = say
        self._protocol = "classic" if start.protocol == "classic" else "consumer"
        self._told = ""

    def run(self) -> None:
        """Until standard input ends, or until another member has our instance id."""
        while not self._orders.ended:
            if not self._orders.topics:  # none that fits a pattern was found yet
                self._orders.look(_PAUSE)
                continue
            session = self._session()
            member = GroupMember(self._start, session, self._orders, self._say)
            self._tell(Word.JOINING, self._protocol, session)
            fate, why = member.run(self._protocol)
            if not self._follow(fate, why, cut_off=time.monotonic() - member.silent_at < 2 * session):
                return

    def _session(self) -> float:
        if self._protocol == "classic":
            return float(self._start.session_seconds)
        session, trouble = brokers_session(self._start)
        self._trouble(trouble)
        return session

    def _follow(self, fate: Fate, why: str, *, cut_off: bool) -> bool:
        """Whether it goes on."""
        if fate is Fate.RENEWED:
            return False  # this process is started again, and what it had is served meanwhile
        if fate is Fate.UNSUPPORTED and self._start.protocol == "auto":
            self._protocol = "classic"
            return True
        if fate is Fate.FENCED and not cut_off:  # else the fence is our own former self, which timed out
            self._tell(Word.REPLACED, why)
            return False
        if fate is Fate.UNRELEASED:
            why = (
                f"the instance id {self._start.instance_id} is one of a member that is alive, or died less than its"
                " session timeout ago; tried again until it is free"
            )
        self._trouble(why)
        self._orders.look(_PAUSE)
        return True

    def _trouble(self, why: str) -> None:
        if why and why != self._told:
            self._told = why
            self._tell(Word.TROUBLE, why)

    def _tell(self, word: Word, text: str, seconds: float = 0.0) -> None:
        self._say(Said(word, time.monotonic(), text=text, seconds=seconds))


def main() -> None:
    """Run; ends with its standard input, of which the first line says how to reach Kafka."""
    companion_process.begin()
    line = companion_process.first_line()
    if not line:
        return
    start = MemberStart.from_line(line)
    log_to_stderr(start.log_format, start.log_level)

    def say(said: Said) -> None:
        print(said.line(), flush=True)

    try:
        MemberProcess(start, Orders(start.topics), say).run()
    except RtpipeError as exc:
        say(Said(Word.TROUBLE, time.monotonic(), text=exc.message))


if __name__ == "__main__":
    main()
