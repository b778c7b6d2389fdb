"""Texts and tables of the History page."""

from datetime import datetime
from typing import Any

import pandas as pd

from allcore.labels import VERDICT_NAMES
from allcore.store.history import HistoryEntry

DIGITS = 12
"""Digits of a digest that pages show."""


def time_text(at: datetime) -> str:
    """Write a time to the minute; pages say that times are in UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def probability_text(value: float | None) -> str:
    """Write a probability with three digits."""
    return "none" if value is None else f"{value:.3f}"


def list_table(rows: tuple[HistoryEntry, ...], batches: dict[int, str]) -> pd.DataFrame:
    """Return the table of the list.

    Args:
        rows: the answers of one page.
        batches: names by id.
    """
    return pd.DataFrame(
        {
            "Time": [time_text(entry.at) for entry in rows],
            "File": [entry.answer.name for entry in rows],
            "Verdict": [VERDICT_NAMES[entry.answer.prediction.verdict] for entry in rows],
            "Probability": pd.Series(
                [entry.answer.prediction.p_all for entry in rows], dtype="float64"
            ),
            "Model": [entry.answer.model for entry in rows],
            "Batch": [batches.get(entry.batch or 0, "") for entry in rows],
            "Flagged": [entry.flagged_at is not None for entry in rows],
        }
    )


def export_table(rows: tuple[HistoryEntry, ...], batches: dict[int, str]) -> pd.DataFrame:
    """Return the table of the export, with all that is stored of each answer."""
    return pd.DataFrame([_row(entry, batches) for entry in rows])


def _row(entry: HistoryEntry, batches: dict[int, str]) -> dict[str, Any]:
    answer, prediction = entry.answer, entry.answer.prediction
    return {
        "time": entry.at.isoformat(timespec="seconds"),
        "file": answer.name,
        "subject": answer.subject or "",
        "sha256": answer.image_sha256,
        "verdict": prediction.verdict,
        "p_all": prediction.p_all,
        "logit": prediction.logit,
        "threshold": prediction.threshold,
        "reason": prediction.reason,
        "rung": prediction.check or "",
        "strangeness": prediction.ood_score,
        "model": answer.model,
        "model_sha256": answer.model_sha256,
        "preprocessing_version": answer.preprocessing_version,
        "batch": batches.get(entry.batch or 0, ""),
        "flagged": "" if entry.flagged_at is None else entry.flagged_at.isoformat(" ", "seconds"),
        "note": entry.flag_note,
    }
