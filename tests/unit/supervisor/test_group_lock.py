"""The lock of a consumer group; the database is a fake."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from rtpipe.errors import RtpipeError
from rtpipe.mysql.error_numbers import READ_ONLY
from supervisor import group_lock
from supervisor.group_lock import GroupHeldError, GroupLock
from tests.support.fakes.fake_database import FakeConnection, FakeRows
from tests.support.waits import eventually
from workers.database.errors import DatabaseTrouble

URL = "mysql+pymysql://u:p@db:3306/bank"
GONE, REFUSED, NO_RIGHT = 2013, 1045, 1142


class Server:
    """Gives out connections, or what it refuses them with."""

    def __init__(self) -> None:
        self.connections: list[FakeConnection | Exception] = []
        self.opened = 0
        self.empty = threading.Event()

    def open_session(self, url: str, silence: int) -> Any:
        assert (url, silence) == (URL, 9)
        self.opened += 1
        found = self.connections.pop(0) if self.connections else DatabaseTrouble(GONE)
        if not self.connections:
            self.empty.set()
        if isinstance(found, Exception):
            raise found
        return found.session


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server()
    monkeypatch.setattr(group_lock, "open_session", found.open_session)
    return found


def lock(*groups: str, patient: bool = True, members: str = "") -> GroupLock:
    return GroupLock(URL, groups or ("g",), 9, patient=patient, members=members)


def test_every_group_is_locked_once_in_order_on_one_connection(server: Server) -> None:
    connection = FakeConnection(FakeRows([1]), FakeRows([1]))
    server.connections = [connection]
    held = lock("b", "a", "b")
    held.acquire()
    assert "wait_timeout" in connection.said[0]
    names = [said.partition("rtpipe:")[2][:10] for said in connection.said[1:]]
    assert len(set(names)) == 2
    assert connection.commits == 1
    held.release()
    assert connection.closed == 1


@pytest.mark.parametrize(("owner", "said"), [("host:1-ab", "host:1-ab"), (None, "another supervisor")])
def test_who_holds_it_is_named(server: Server, owner: str | None, said: str) -> None:
    connection = FakeConnection(FakeRows([0]), FakeRows([owner]))
    server.connections = [connection]
    with pytest.raises(GroupHeldError, match=f"group g is held by {said}"):
        lock().acquire()


def test_a_database_that_is_away_keeps_no_supervisor_from_starting(server: Server) -> None:
    server.connections = [DatabaseTrouble(GONE)]
    lock().acquire()
    server.connections = [DatabaseTrouble(REFUSED)]
    lock().acquire()  # its workers wait for the password, too
    server.connections = [DatabaseTrouble(REFUSED)]
    with pytest.raises(RtpipeError) as caught:
        lock(patient=False).acquire()
    assert caught.value.name == "E_AUTH"
    server.connections = [DatabaseTrouble(NO_RIGHT)]
    with pytest.raises(RtpipeError, match="looking for another supervisor"):
        lock().acquire()


@pytest.mark.parametrize("number", [GONE, READ_ONLY])
def test_a_lock_that_is_lost_or_on_a_demoted_server_is_taken_again(
    server: Server, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(group_lock, "_LOOK_EVERY", 0.001)
    lost = FakeConnection(FakeRows([1]))
    again = FakeConnection(FakeRows([1]))
    server.connections = [lost, DatabaseTrouble(GONE), FakeConnection(FakeRows([0]), FakeRows(["x"])), again]
    held = lock()
    held.acquire()
    lost.answers = [DatabaseTrouble(number)]
    held.keep()
    eventually(lambda: again.said.count("is it read only?") > 1)
    held.release()
    assert lost.closed == 1
    eventually(lambda: not any(thread.name == "group-lock" for thread in threading.enumerate()))
    assert again.closed == 1


def test_groups_that_come_later_are_locked_and_those_that_go_are_free(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_lock, "_LOOK_EVERY", 0.001)
    held_by, answer = FakeRows(["host:1-ab"]), FakeRows([1])
    connection = FakeConnection(answer, answer, FakeRows([0]), held_by, answer)
    server.connections = [connection]
    held = lock("a")
    held.acquire()
    held.add("b")
    held.add("b")  # it is held already
    assert sum("GET_LOCK" in said for said in connection.said) == 2
    with pytest.raises(GroupHeldError, match="group c is held by host:1-ab"):
        held.add("c")
    held.keep()
    held.drop(["b"])
    eventually(lambda: any("RELEASE_LOCK" in said for said in connection.said))
    eventually(lambda: held._groups == {"a"})
    held.release()


def test_a_group_that_comes_while_the_database_is_away_is_locked_with_the_others(server: Server) -> None:
    server.connections = [DatabaseTrouble(GONE)]
    held = lock("a")
    held.acquire()
    held.add("b")
    again = FakeConnection(FakeRows([1]), FakeRows([1]))
    server.connections = [again]
    held.acquire()
    assert sum("GET_LOCK" in said for said in again.said) == 2
    again.answers = [DatabaseTrouble(GONE)]
    held.add("c")
    assert (again.closed, held._groups) == (1, {"a", "b", "c"})


class TestMembers:
    """Supervisors that share partitions share the lock, too."""

    def test_the_first_one_holds_both_locks(self, server: Server) -> None:
        connection = FakeConnection(FakeRows([None]), FakeRows([1]), FakeRows([1]))
        server.connections = [connection]
        lock("g", members="m").acquire()
        said = [said.partition(" {")[0] for said in connection.said[1:]]
        assert [one.partition("(")[0] for one in said] == ["SELECT IS_USED_LOCK", "SELECT GET_LOCK", "SELECT GET_LOCK"]
        assert connection.said[2] != connection.said[3]

    def test_the_next_ones_look_who_holds_it_and_wait_for_nothing(self, server: Server) -> None:
        connection = FakeConnection(FakeRows([1]))
        server.connections = [connection]
        lock("g", members="m").acquire()
        assert "GET_LOCK" not in connection.said[-1]

    def test_one_that_became_a_member_meanwhile_is_none_to_be_refused_for(self, server: Server) -> None:
        server.connections = [FakeConnection(FakeRows([0]), FakeRows([0]), FakeRows([1]))]
        lock("g", members="m").acquire()

    def test_whoever_is_no_member_of_the_same_group_is_in_the_way(self, server: Server) -> None:
        server.connections = [FakeConnection(FakeRows([0]), FakeRows([0]), FakeRows([0]), FakeRows(["host:1-ab"]))]
        with pytest.raises(GroupHeldError, match="held by host:1-ab, which is no member of the group m") as caught:
            lock("g", members="m").acquire()
        assert "same membership_group" in caught.value.hint

    def test_it_is_taken_over_when_its_holder_has_ended(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(group_lock, "_LOOK_EVERY", 0.001)
        connection = FakeConnection(FakeRows([1]), FakeRows([1]), FakeRows([None]), FakeRows([1]), FakeRows([1]))
        server.connections = [connection]
        held = lock("g", members="m")
        held.acquire()
        held.keep()
        eventually(lambda: not connection.answers, what="both locks are taken")
        eventually(lambda: connection.said[-1] == "is it read only?", what="it holds them")
        held.release()
