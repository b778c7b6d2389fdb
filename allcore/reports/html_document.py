"""Escaped parts of an HTML report, and the document that contains them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from allcore import notice
from allcore.plots import style
from allcore.reports.model_card.text import Block, Bullets, Code, Paragraph, Table

# No external resources are allowed. plotly.js compiles WebGL programs by eval, and images use data
# and blob addresses.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)
_LINE = 28  # maximum number of characters of an unbroken table cell
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class HtmlSection:
    """A section of the document: a title in plain text and a body in HTML."""

    title: str
    body: str


def document(title: str, intro: str, sections: Sequence[HtmlSection]) -> str:
    """Assemble the document, with `intro` in HTML above the table of contents."""
    links = bodies = ""
    for number, section in enumerate(sections, start=1):
        title_text = escape(section.title)
        links += f'<li><a href="#part-{number}">{title_text}</a></li>'
        bodies += f'<section id="part-{number}"><h2>{title_text}</h2>{section.body}</section>\n'
    warning = f'<p class="notice">{escape(notice.RESEARCH_USE)}</p>'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_file('evaluation.css')}</style>\n</head>\n"
        f"<body>\n<header>{warning}{intro}</header>\n"
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>\n'
        "<noscript><p>Figures are drawn by a script inside this file; the tables hold the same "
        "numbers.</p></noscript>\n"
        f"<main>\n{bodies}</main>\n<footer>{warning}</footer>\n"
        f"<script>{get_plotlyjs()}</script>\n<script>{_file('evaluation.js')}</script>\n"
        "</body>\n</html>\n"
    )


def paragraph(text: str, *, quiet: bool = False) -> str:
    """Paragraph of plain text."""
    kind = ' class="quiet"' if quiet else ""
    return f"<p{kind}>{escape(text)}</p>"


def card(title: str, value: str, lines: Iterable[tuple[str, str]]) -> str:
    """Card of one headline estimate with lines of names and values below it."""
    below = "".join(
        f"<dd><span>{escape(name)}</span> <span>{escape(text)}</span></dd>" for name, text in lines
    )
    return (
        f'<dl class="card"><dt>{escape(title)}</dt><dd class="value">{escape(value)}</dd>'
        f"{below}</dl>"
    )


def table(frame: pd.DataFrame) -> str:
    """Table without its index; numbers are right-aligned, floats have three decimals."""
    numeric = map(pd.api.types.is_numeric_dtype, frame.dtypes)
    kinds = [' class="number"' if is_number else "" for is_number in numeric]
    head = "".join(
        f"<th{kind}>{escape(str(name))}</th>" for name, kind in zip(frame, kinds, strict=True)
    )
    rows = (
        "".join(_cell(v, kind) for v, kind in zip(row, kinds, strict=True))
        for row in frame.itertuples(index=False, name=None)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    content = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table>{content}</table></div>'


def chart(figure: go.Figure, *, name: str) -> str:
    """Figure drawn by the document's script, with the notice; `name` is that of a saved file."""
    labelled = go.Figure(layout=figure.layout)
    style.add_notice(labelled)
    layout = {k: v for k, v in labelled.to_plotly_json()["layout"].items() if k != "template"}
    plot = {"data": figure.to_plotly_json()["data"], "layout": layout}
    # With "<" escaped, no text inside can close the script element.
    data = str(to_json_plotly(plot)).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    height = int(layout.get("height") or 450)
    return (
        f'<figure aria-label="{escape(style.plain_title(layout["title"].get("text", "")))}">'
        f'<div class="chart" style="min-height:{height}px" '
        f'data-name="{escape(style.file_name(name))}"></div>'
        f'<script type="application/json">{data}</script></figure>'
    )


def grid(charts: Sequence[str]) -> str:
    """Charts side by side where the screen is wide enough."""
    return f'<div class="figures">{"".join(charts)}</div>' if charts else ""


def block(content: Block) -> str:
    """Render a block of a card."""
    if isinstance(content, Paragraph):
        return paragraph(content.text)
    if isinstance(content, Bullets):
        return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in content.items)}</ul>"
    if isinstance(content, Code):
        return f"<pre>{escape(chr(10).join(content.lines))}</pre>"
    assert isinstance(content, Table)
    return table(pd.DataFrame(list(content.rows), columns=list(content.head), dtype=object))


def _cell(value: object, kind: str) -> str:
    """Table cell; only long text wraps."""
    text = "" if value is None or value is pd.NA or value != value else str(value)
    if isinstance(value, float) and text:
        text = f"{value:,.3f}"
    return f"<td{kind or (' class=long' if len(text) > _LINE else '')}>{escape(text)}</td>"


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
