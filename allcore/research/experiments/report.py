"""Log of experiments as Markdown, generated from their records."""

import math
from collections.abc import Sequence

from allcore.evaluation import intervals
from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.notice import RESEARCH_USE
from allcore.synthetic import dataset

HEAD = """# Experiments

{notice}

Each experiment varies one thing at a time. The question and the prediction were written before the
run; the table, and the sentence that says whether the prediction held, are computed from its
results. `python -m allcore experiment NAME --data DIR` runs one again and writes this page anew
from all records; `--list` names those that can be run. Of the others, which are answered, only the
records are left; `git log --diff-filter=D --name-only -- 'allcore/*experiments/*.py'` names the
revisions up to which their code is there. Brackets are 95 % intervals.
"""


def markdown(records: Sequence[ExperimentRecord]) -> str:
    """The whole page."""
    parts = [HEAD.format(notice=RESEARCH_USE), *(_section(record) for record in records)]
    return "\n".join(parts if records else [*parts, "No experiment was run yet.\n"])


def estimate_text(interval: Interval | None) -> str:
    """Estimate with its interval, to three decimals; large numbers without decimals."""
    if interval is None or not math.isfinite(interval.value):
        return ""
    value = _number(interval.value)
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return value
    return f"{value} [{_number(interval.low)}, {_number(interval.high)}]"


def above(interval: Interval, bound: float = 0.0) -> bool:
    """True if the whole interval lies above a bound; False without an interval."""
    return bool(interval.low > bound)


def below(interval: Interval, bound: float = 0.0) -> bool:
    """True if the whole interval lies below a bound; False without an interval."""
    return bool(interval.high < bound)


def change(interval: Interval) -> str:
    """Difference as text within a sentence, with its sign."""
    sign = "+" if interval.value >= 0 else "−"
    bounds = estimate_text(interval)[len(estimate_text(intervals.unknown(interval.value))) :]
    return f"{sign}{estimate_text(intervals.unknown(abs(interval.value)))}{bounds}"


def _section(record: ExperimentRecord) -> str:
    lines = [f"## {record.title}", "", f"**{record.question}** {record.why}", ""]
    if record.data == dataset.NAME:
        lines += ["*Synthetic cells, drawn by the program: nothing here speaks of real ones.*", ""]
    lines += [f"Prediction, before the run: {record.prediction}", "", *_table(record), ""]
    lines += [f"**Finding.** {record.finding}", ""]
    lines += [f"- {note}" for note in record.notes]
    lines += [f"- Data: {record.data}, manifest {record.data_digest[:12]}. On: {record.device}."]
    return "\n".join([*lines, "", f"`{record.command}`", ""])


def _table(record: ExperimentRecord) -> list[str]:
    """Markdown table; empty columns are left out."""
    grouped, expected = (any(getattr(r, n) for r in record.rows) for n in ("group", "prediction"))
    columns = [name for name in record.titles if any(name in row.figures for row in record.rows)]
    head = [
        *(["Of"] if grouped else []),
        "Varied",
        *(record.titles[name] for name in columns),
        "Cells",
        "Subjects",
        *(["Expected"] if expected else []),
    ]
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] * len(head))} |"]
    for row in record.rows:
        cells = _cells(row, columns, grouped=grouped, expected=expected)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _cells(
    row: ExperimentRow, columns: Sequence[str], *, grouped: bool, expected: bool
) -> list[str]:
    return [
        *([row.group] if grouped else []),
        row.name,
        *(estimate_text(row.figures.get(name)) for name in columns),
        f"{row.cells:,}",
        str(row.subjects),
        *([row.prediction] if expected else []),
    ]


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"
