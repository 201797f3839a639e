"""Makes the pictures of docs/ and README from what a command really writes to a terminal.

    python docs/make_picture.py docs/demo.svg --columns 126 --before 'Look at it' -- sh -c 'rtpipe demo 2>/dev/null'
    python docs/make_picture.py docs/supervise.svg --seconds 50 --after 'running from' -- rtpipe supervise -t a,b,c

The command runs in a pseudo-terminal; a small emulation of that terminal, enough for what rich writes, gives the
screen; rich draws it. With --seconds the picture is taken then, and the command gets a SIGINT.
"""
# ruff: noqa: INP001 - a script on its own

from __future__ import annotations

import argparse
import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROWS = 60
#: text, one control character, or one escape sequence: parameters and final letter of a CSI
PIECE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)|.", re.DOTALL)
FONT_FACE = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
FONTS = "ui-monospace, DejaVu Sans Mono, Menlo"
COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)


class Screen:
    """Lines of cells, each a character with the SGR sequences that style it."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines: list[list[tuple[str, str]]] = [[]]
        self.row = self.column = 0
        self.style = ""

    def feed(self, text: str) -> None:
        """What a terminal would do with `text`."""
        for parameters, command, control, plain in PIECE.findall(text):
            if command == "m":
                self.style = "" if parameters in {"", "0"} else self.style + f"\x1b[{parameters}m"
            elif command == "A":
                self.row = max(0, self.row - int(parameters or 1))
            elif command == "K":
                self.lines[self.row] = [] if parameters == "2" else self.lines[self.row][: self.column]
            elif control == "\r":
                self.column = 0
            elif control == "\n":
                self._next_line()
            for character in plain:
                self._put(character)

    def _next_line(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])

    def _put(self, character: str) -> None:
        if self.column == self.columns:
            self._next_line()
            self.column = 0
        line = self.lines[self.row]
        line.extend([(" ", "")] * (self.column + 1 - len(line)))
        line[self.column] = (character, self.style)
        self.column += 1

    def text(self) -> list[Text]:
        """The lines, styled, without the empty ones at the end."""
        lines = [Text.from_ansi("".join(f"\x1b[0m{style}{one}" for one, style in line)) for line in self.lines]
        while lines and not lines[-1].plain.strip():
            lines.pop()
        return lines


def record(command: list[str], columns: int, seconds: float | None) -> Screen:
    """Run `command` in a terminal of `columns` and return what is on it at the end, or after `seconds`."""
    pid, terminal = pty.fork()
    if pid == 0:
        unset = {"COLUMNS", "LINES", "NO_COLOR"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        os.execvpe(command[0], command, environment | {"TERM": "xterm-256color"})  # noqa: S606
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    ends = None if seconds is None else time.monotonic() + seconds
    said = bytearray()
    while ends is None or time.monotonic() < ends:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            said += os.read(terminal, 65_536)
        except OSError:  # how Linux tells that the other side is closed
            break
    else:
        os.kill(pid, signal.SIGINT)
        drain(terminal)
    os.waitpid(pid, 0)
    screen = Screen(columns)
    screen.feed(said.decode(errors="replace"))
    return screen


def drain(terminal: int) -> None:
    """Let the command write to its end."""
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:
        pass


def draw(lines: list[Text], columns: int, title: str) -> str:
    """The lines as SVG, with the fonts of whoever looks at it: a picture on a page may load none."""
    console = Console(record=True, width=columns, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    for line in lines:
        console.print(line, soft_wrap=True)
    code = FONT_FACE.sub("", COMMENT.sub("", CONSOLE_SVG_FORMAT)).replace("Fira Code", FONTS)
    return console.export_svg(title=title, theme=MONOKAI, code_format=code, unique_id="rtpipe")


def main() -> None:
    """Record, cut, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("command", nargs="+")
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--title", default="")
    parser.add_argument("--before", default="", help="leave out from the line on that begins so")
    parser.add_argument("--after", default="", help="begin after the last line that contains this")
    options = parser.parse_args()
    lines = record(options.command, options.columns, options.seconds).text()
    plain = [line.plain for line in lines]
    if options.before:
        lines = lines[: next(n for n, text in enumerate(plain) if text.startswith(options.before))]
    while lines and not lines[-1].plain.strip():
        lines.pop()
    if options.after:
        lines = lines[max(n for n, text in enumerate(plain) if options.after in text) + 1 :]
    options.picture.write_text(draw(lines, options.columns, options.title) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
