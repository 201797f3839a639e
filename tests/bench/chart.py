"""The figures as an SVG, written by hand: bars for each case, as shares of what the bare database takes."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

_WIDTH, _LEFT, _BAR, _SCALE = 900, 150, 460, 22
_ROW, _GAP, _HEAD = 20, 34, 64
#: Readable on white and on black, since pages show the picture on both.
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .small { font-size: 12px; fill: #59636e }
  .title { font-weight: 600 }
  .rtpipe { fill: #1a7f64 } .limit { fill: #8c959f } .other { fill: #c9853a } .one { stroke: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 }
    .rtpipe { fill: #3fb68b } .limit { fill: #6e7681 } .other { fill: #d99a55 } .one { stroke: #6e7681 }
  }
"""


def svg(facts: dict[str, Any]) -> str:
    """A picture of what `report.to_json` has."""
    cases = facts["cases"]
    most = max([1.0, *(one["of_limit9"] for case in cases for one in case["each"].values())])
    body = list(_body(cases, _BAR / most))
    height = _HEAD + sum(_ROW * len(case["each"]) + _GAP for case in cases) + 10
    subtitle = (
        f"the bars are shares of limit9: nine connections that write finished rows; {facts['cores']} cores for "
        "broker, database and clients"
    )
    size = f'viewBox="0 0 {_WIDTH} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="rows per second of rtpipe">',
            f"<style>{_STYLE}</style>",
            _text(8, _SCALE, "rows per second", "title"),
            _text(8, _SCALE + 20, subtitle, "small"),
            *body,
            "</svg>",
            "",
        ]
    )


def _body(cases: list[dict[str, Any]], scale: float) -> Iterator[str]:
    top = float(_HEAD)
    for case in cases:
        server = case["server"].partition("-")[0]
        yield _text(8, top + 14, f"{case['name']} ({server}; {case['bare']} at the limit)", "title")
        top += _ROW
        bottom = top + _ROW * len(case["each"])
        yield f'<line class="one" x1="{_LEFT + scale:.0f}" x2="{_LEFT + scale:.0f}" y1="{top:.0f}" y2="{bottom:.0f}"/>'
        for name, one in sorted(case["each"].items(), key=lambda pair: -pair[1]["steady"]):
            yield from _bar(top, name, one, one["of_limit9"] * scale)
            top += _ROW
        top += _GAP - _ROW


def _bar(top: float, name: str, one: dict[str, Any], width: float) -> Iterator[str]:
    kind = "rtpipe" if name in {"rtpipe", "without extra"} else "limit" if name.startswith("limit") else "other"
    yield _text(_LEFT - 8, top + 14, name, "", anchor="end")
    yield f'<rect class="{kind}" x="{_LEFT}" y="{top + 3:.0f}" width="{max(width, 1):.1f}" height="{_ROW - 6}"/>'
    yield _text(_LEFT + max(width, 1) + 8, top + 14, f"{one['steady']:,}  ({one['of_limit9']:.2f})", "small")


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(words)}</text>'
