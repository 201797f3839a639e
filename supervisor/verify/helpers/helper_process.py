"""A process that turns parts of a topic and of its table into rows and tallies them: no connection, no secret."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection

from supervisor.verify.matching.rows import Message
from supervisor.verify.matching.tally import Tally
from supervisor.verify.table.row_reader import RowPackets, RowReader
from supervisor.verify.topic.message_reader import MessagePart, MessageReader

Part = MessagePart | RowPackets


@dataclass(frozen=True, slots=True)
class Readers:
    """How both sides are read."""

    messages: MessageReader
    rows: RowReader

    def read(self, part: Part, topic: Tally, table: Tally) -> list[Message]:
        """Tally a part of either side; the messages in it that cannot be decoded."""
        if isinstance(part, RowPackets):
            table.add(self.rows(part))
            return []
        rows, unreadable = self.messages(part, with_position=self.rows.with_position)
        topic.add(rows)
        return unreadable


def main(readers: Readers, parent: Connection) -> None:
    """Answer each part with what cannot be decoded, or with None if reading it failed; at the end, after a None from
    the parent, with the tallies of the topic and the table.

    Signals are the parent's to judge. A parent that is gone ends the process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    topic, table = Tally(), Tally()
    try:
        while (part := parent.recv()) is not None:
            try:
                parent.send(readers.read(part, topic, table))
            except Exception:
                parent.send(None)
        parent.send((topic, table))
    except (BrokenPipeError, ConnectionResetError, EOFError):
        return
