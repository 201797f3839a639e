"""Who looks at a page while rtpipe is measured: a scrape of its metrics every few seconds, and one open overview.

Both are on other machines where rtpipe is at work, so they cost next to nothing here: a browser's part is played by a
client that opens the page, takes all that is sent to it, and draws nothing. What the page's own process does for them
is what it does for a browser.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sys
import threading
import time
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

#: Seconds between two scrapes; between two words that all was received; and for an answer.
_SCRAPES, _WORDS, _PATIENCE = 5.0, 3.0, 5.0
#: As Prometheus asks.
_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


def main(address: str) -> None:
    """Look until a signal ends it; says at the end what it was sent."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    viewer = Viewer(address)
    threading.Thread(target=viewer.look, daemon=True).start()
    scrapes = scraped = 0
    with contextlib.ExitStack() as ending:
        ending.callback(lambda: print(f"{scrapes} scrapes of {scraped:,} bytes; {viewer}", flush=True))
        while True:
            if size := _scrape(address):
                scrapes, scraped = scrapes + 1, size
            time.sleep(_SCRAPES if scrapes else 0.5)


def _scrape(address: str) -> int:
    """Bytes of an answer; 0 if there is none."""
    request = Request(f"http://{address}/metrics", headers={"accept": _ACCEPT})
    with contextlib.suppress(URLError, OSError), urlopen(request, timeout=_PATIENCE) as answer:
        return len(answer.read())
    return 0


class Viewer:
    """One open overview."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._updates = self._received = self._opened = 0

    def __str__(self) -> str:
        each = self._received // max(self._updates, 1)
        return f"a page that was opened {self._opened} times, with {self._updates} updates of {each:,} bytes"

    def look(self) -> None:
        """As long as the process lives; a page that is gone is opened again."""
        while True:
            with contextlib.suppress(URLError, OSError, WebSocketException, ValueError):
                self._watch()
            time.sleep(0.5)

    def _watch(self) -> None:
        query = self._open()
        with connect(f"ws://{self._address}/_nicegui_ws/socket.io/?{urlencode(query)}", max_size=None) as link:
            link.send("40")
            self._opened += 1
            said = time.monotonic()
            while True:
                message = str(link.recv())
                if message == "2":  # a ping
                    link.send("3")
                elif message.startswith("42"):
                    self._take(message)
                    said = self._acknowledge(link, query["client_id"], message, said)

    def _open(self) -> dict[str, str]:
        with urlopen(f"http://{self._address}/", timeout=_PATIENCE) as answer:
            found = re.search(r"'client_id': '([^']+)', 'next_message_id': (\d+)", answer.read().decode())
        if found is None:
            raise ValueError("this page has no live part")
        own = {"EIO": "4", "transport": "websocket", "document_id": "bench", "tab_id": "bench"}
        this = {"client_id": found[1], "next_message_id": found[2], "implicit_handshake": "true"}
        return this | own

    def _take(self, message: str) -> None:
        self._updates += 1
        self._received += len(message)

    @staticmethod
    def _acknowledge(link: ClientConnection, client: str, message: str, said: float) -> float:
        if time.monotonic() - said < _WORDS:
            return said
        number = json.loads(message[2:])[1]["_id"] + 1
        link.send("42" + json.dumps(["ack", {"client_id": client, "next_message_id": number}]))
        return time.monotonic()


if __name__ == "__main__":
    main(sys.argv[1])
