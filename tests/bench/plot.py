# SPDX-License-Identifier: LGPL-2.1-or-later
"""A picture of each benchmark: bars of the medians, a line from the least to the greatest
round. Each metric has its own scale."""

import os
from xml.sax.saxutils import escape

COLOURS = {"ours": "#1f6f43", "a": "#b5523b", "b": "#4a6fa5", "c": "#8a6bb0", "d": "#8c8c8c"}
NAMES = {"ours": "iopfd", "a": "(a) one at a time", "b": "(b) the limit", "c": "(c) userfaultfd", "d": "(d) pinned"}
WIDTH, LEFT, BAR, GAP, HEAD = 720, 150, 16, 4, 22


def text(x, y, words, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="11" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def bars(row, y):
    """The lines of one metric from y on, and where it ends."""
    out = [text(8, y + 14, f"{row.goal.metric}  ({'more' if row.goal.higher else 'less'} is better)", weight="bold")]
    y += HEAD
    scale = (WIDTH - LEFT - 100) / (max(max(v) for v in row.values.values()) or 1)
    for who, values in row.values.items():
        low, high, middle = min(values) * scale, max(values) * scale, y + BAR / 2
        out.append(text(LEFT - 6, y + 12, NAMES[who], "end"))
        out.append(f'<rect x="{LEFT}" y="{y}" width="{max(row.median[who] * scale, 0):.1f}" height="{BAR}" '
                   f'fill="{COLOURS[who]}"/>')
        out.append(f'<path d="M{LEFT + low:.1f} {middle}H{LEFT + high:.1f}" stroke="#000"/>')
        out.append(text(LEFT + high + 6, y + 12, f"{row.median[who]:.4g}"))
        y += BAR + GAP
    return out, y + GAP


def write_all(folder, rows):
    for bench in dict.fromkeys(row.goal.bench for row in rows):
        body, y = [], 26
        for row in rows:
            if row.goal.bench == bench:
                lines, y = bars(row, y)
                body += lines
                title = f"{bench} ({row.goal.engine}): {row.goal.title}"
        with open(os.path.join(folder, f"{bench}.svg"), "w", encoding="utf-8") as f:
            f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}">\n'
                    f'<rect width="{WIDTH}" height="{y}" fill="#fff"/>\n'
                    + "\n".join([text(8, 16, title, weight="bold"), *body]) + "\n</svg>\n")
