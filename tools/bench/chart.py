# SPDX-License-Identifier: Apache-2.0
"""A bar chart of ratios, as the text of an SVG that is legible on light and on dark."""

import math
from xml.sax.saxutils import escape

SERIES = {"limit": "#8a8f98", "cp": "#3b82c4", "NumPy": "#d9822b", "MaxText": "#a05cc0"}
NAMES = {"limit": "a raw copy, per byte", "cp": "cp, then sync", "NumPy": "NumPy", "MaxText": "MaxText's converter"}
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .small { font-size: 11px; fill: #57606a }
  .grid { stroke: #d0d7de } .one { stroke: #24292f } .range { stroke: #24292f; stroke-opacity: 0.7 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9aa4b0 } .grid { stroke: #3d444d } .one, .range { stroke: #e6edf3 }
  }
"""
LEFT, WIDTH, RIGHT, BAR, GAP, TOP = 335, 440, 50, 15, 14, 62
TICKS = [factor * 10**power for power in range(-2, 4) for factor in (1, 2, 5)]


class Axis:
    """Ratios by their logarithm: half as fast is as far to the left of 1 as twice as fast is to its right."""

    def __init__(self, values):
        low, high = min(0.5, *values), max(2, *values)
        self.low = max(tick for tick in TICKS if tick <= low)
        self.high = min(tick for tick in TICKS if tick >= high)
        self.ticks = [tick for tick in TICKS if self.low <= tick <= self.high]

    def x(self, value):
        return LEFT + WIDTH * math.log(value / self.low) / math.log(self.high / self.low)


def _text(x, y, text, style="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}">{escape(text)}</text>'


def _line(x1, y1, x2, y2, style):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def _bar(axis, y, name, values):
    """From 1 to the median, with a line over the range."""
    start, end = sorted((axis.x(1), axis.x(values["median"])))
    right = max(end, axis.x(values["max"]))
    label = f"{values['median']:.2f}" if values["median"] < 10 else f"{values['median']:.0f}"
    return [
        f'<rect x="{start:.1f}" y="{y}" width="{max(1, end - start):.1f}" height="{BAR - 2}" fill="{SERIES[name]}"/>',
        _line(axis.x(values["min"]), y + BAR / 2 - 1, axis.x(values["max"]), y + BAR / 2 - 1, "range"),
        _text(right + 5, y + BAR - 4, label, "small"),
    ]


def _legend(names):
    out, x = [], LEFT
    for name in names:
        out += [f'<rect x="{x}" y="30" width="11" height="11" fill="{SERIES[name]}"/>', _text(x + 16, 40, NAMES[name], "small")]
        x += 34 + 6 * len(NAMES[name])
    return out


def _ratios(summary):
    """The limit's by the byte, since conversions may write more or fewer than they read."""
    by_byte = {"limit": summary["part_of_limit"]} if "part_of_limit" in summary else {}
    return summary["ratios"] | by_byte


def _groups(shown, names, axis):
    """Bars of one workload after the other, and where the last one ends."""
    out, y = [], TOP
    for label, ratios in shown:
        bars = [name for name in names if name in ratios]
        out.append(_text(8, y + BAR * len(bars) / 2 + 3, label))
        for name in bars:
            out += _bar(axis, y, name, ratios[name])
            y += BAR
        y += GAP
    return out, y


def svg(summaries):
    """The chart's text."""
    shown = [(f"{s['workload']}: {s['what']}", _ratios(s)) for s in summaries if s["ratios"]]
    names = [name for name in SERIES if any(name in ratios for _, ratios in shown)]
    axis = Axis([values[end] for _, ratios in shown for values in ratios.values() for end in ("min", "max")])
    body, y = _groups(shown, names, axis)
    grid = [_line(axis.x(t), TOP - 8, axis.x(t), y, "one" if t == 1 else "grid") for t in axis.ticks]
    grid += [_text(axis.x(t), y + 15, f"{t:g}", "small", "middle") for t in axis.ticks]
    width, height = LEFT + WIDTH + RIGHT, y + 26
    title = [_text(8, 18, "How many times as fast rulec convert is as ...")]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", *title, *_legend(names), *grid, *body, "</svg>"]) + "\n"
