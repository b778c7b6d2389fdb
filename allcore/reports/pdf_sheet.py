"""Sheet of the PDF reports: pages with the notice, text that always fits, histogram and scale.

The fonts are the standard PDF fonts, so the output does not depend on the fonts of a machine. They
have Latin-1 characters; any other becomes a question mark.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from fpdf import FPDF
from fpdf.enums import XPos, YPos

import allcore
from allcore import notice
from allcore.plots import style

LEFT, TOP, WIDTH, BOTTOM = 15.0, 12.0, 180.0, 285.0
"""Margins and size of the printed area of an A4 page, millimetres."""
INK, QUIET, FAINT = (25, 25, 30), (95, 95, 102), (225, 225, 230)
_INSTEAD = {"–": "-", "—": "-", "−": "-", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"'}
_BARS = 20
_LONGEST = 4000  # maximum number of characters processed


class PdfSheet(FPDF):
    """A4 pages with the notice above and below, dated so that equal reports are equal files."""

    def __init__(self, title: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        self._title, self._made_at = title, made_at
        self.set_auto_page_break(False)
        self.set_margins(LEFT, TOP)
        self.c_margin = 0
        self.set_creation_date(made_at)
        self.set_title(latin(title))
        self.set_subject(notice.RESEARCH_USE)
        self.set_creator(f"ALLScope {allcore.__version__}")
        self.set_lang("en")
        self.add_page()

    def header(self) -> None:
        """Print title, date and notice."""
        self.set_xy(LEFT, TOP)
        self.line_of(self._title, size=15, bold=True, width=125)
        self.set_xy(LEFT + 125, TOP + 1)
        when = f"{self._made_at:%Y-%m-%d %H:%M} UTC"
        self.line_of(when, size=9, colour=QUIET, width=WIDTH - 125, align="R")
        self.set_xy(LEFT, TOP + 7.5)
        self.line_of(notice.RESEARCH_USE, size=10, bold=True, colour=rgb(style.BLAST))
        self.rule(TOP + 14)
        self.set_xy(LEFT, TOP + 16)

    def footer(self) -> None:
        """Print the notice and the page number."""
        self.rule(BOTTOM - 5)
        self.set_xy(LEFT, BOTTOM - 4)
        self.line_of(notice.RESEARCH_USE, size=8, bold=True, colour=rgb(style.BLAST), width=90)
        self.set_xy(LEFT + 90, BOTTOM - 4)
        text = f"ALLScope, page {self.page_no()}"
        self.line_of(text, size=8, colour=QUIET, width=WIDTH - 90, align="R")

    def rule(self, y: float) -> None:
        """Draw a thin line over the width of the page, `y` millimetres from its top."""
        self.set_draw_color(*FAINT)
        self.set_line_width(0.3)
        self.line(LEFT, y, LEFT + WIDTH, y)

    def line_of(
        self,
        text: str,
        *,
        size: float = 9,
        bold: bool = False,
        mono: bool = False,
        colour: tuple[int, int, int] = INK,
        width: float = WIDTH,
        lines: int = 1,
        align: str = "L",
    ) -> None:
        """Write text at the cursor, truncated to the maximum number of lines; width in mm."""
        left = self.x
        self.set_font("courier" if mono else "helvetica", "B" if bold else "", size)
        self.set_text_color(*colour)
        height = 0.42 * size
        fitted = self._fitted(latin(text), width, height, lines)
        if fitted:
            self.multi_cell(
                width, height, fitted, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT, padding=0
            )
        self.set_x(left)

    def heading(self, text: str) -> None:
        """Write the title of a section."""
        self.line_of(text, size=10.5, bold=True)
        self.set_xy(self.x, self.y + 0.8)

    def histogram(self, values: Sequence[float], threshold: float, *, height: float) -> None:
        """Draw a histogram of probabilities in twenty bins at the cursor, coloured by call."""
        top, counts = self.y, _counts(values)
        step = WIDTH / _BARS
        for place, count in enumerate(counts):
            tall = height * count / max(*counts, 1)
            blast = (place + 0.5) / _BARS >= threshold
            self.set_fill_color(*rgb(style.BLAST if blast else style.NORMAL))
            self.rect(LEFT + place * step + 0.3, top + height - tall, step - 0.6, tall, style="F")
        self._marked(top, height, threshold, WIDTH)

    @staticmethod
    def highest(values: Sequence[float]) -> int:
        """Number of cells of the histogram's highest bar."""
        return max(_counts(values))

    def scale(self, probability: float, threshold: float, *, width: float) -> None:
        """Draw a probability as a bar from 0 to 1 with the threshold, at the cursor."""
        top, height = self.y, 6.0
        self.set_fill_color(*FAINT)
        self.rect(LEFT, top, width, height, style="F")
        self.set_fill_color(*rgb(style.BLAST if probability >= threshold else style.NORMAL))
        self.rect(LEFT, top + 1, width * min(max(probability, 0), 1), height - 2, style="F")
        self._marked(top, height, threshold, width)

    def _marked(self, top: float, height: float, threshold: float, width: float) -> None:
        """Draw threshold and axis of a scale from 0 to 1; moves the cursor below."""
        at = LEFT + width * min(max(threshold, 0), 1)
        self.set_draw_color(*INK)
        self.set_line_width(0.5)
        self.line(at, top - 1, at, top + height + 1)
        for value in (0, 1):
            self.set_xy(LEFT + value * (width - 10), top + height + 1)
            self.line_of(str(value), size=8, width=10, align="LR"[value], colour=QUIET)
        self.set_xy(min(max(at - 20, LEFT + 6), LEFT + width - 46), top + height + 1)
        self.line_of(f"threshold {threshold:.2f}", size=8, width=40, align="C", colour=QUIET)
        self.set_xy(LEFT, top + height + 6)

    def _fitted(self, text: str, width: float, height: float, lines: int) -> str:
        wrapped = self.multi_cell(width, height, text, dry_run=True, output="LINES", padding=0)
        lines_of_text = cast(list[str], wrapped)
        if len(lines_of_text) <= lines:
            return "\n".join(lines_of_text)
        last = lines_of_text[lines - 1]
        while last and self.get_string_width(f"{last}...") > width:
            last = last[:-1]
        return "\n".join([*lines_of_text[: lines - 1], f"{last.rstrip()}..."])


def _counts(values: Sequence[float]) -> list[int]:
    counts = Counter(min(int(value * _BARS), _BARS - 1) for value in values)
    return [counts[bar] for bar in range(_BARS)]


def latin(text: str) -> str:
    """Convert text to one line of the characters that the fonts have."""
    plain = " ".join("".join(_INSTEAD.get(letter, letter) for letter in text[:_LONGEST]).split())
    known = plain.encode("latin-1", "replace").decode("latin-1")
    return "".join(letter if letter.isprintable() else "?" for letter in known)


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour such as #D55E00."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
