"""How answers, batches and times are written on the History page."""

from datetime import datetime
from typing import Any

import pandas as pd

from allcore.labels import VERDICT_NAMES
from allcore.store.history import HistoryEntry

DIGITS = 12
"""Of a digest, so many that two are hardly alike."""


def time_text(at: datetime) -> str:
    """A time to the minute; pages say beside it that times are in UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def probability_text(value: float | None) -> str:
    """A probability with as many digits as it deserves."""
    return "none" if value is None else f"{value:.3f}"


def list_table(rows: tuple[HistoryEntry, ...], batches: dict[int, str]) -> pd.DataFrame:
    """Answers as the list shows them.

    Args:
        rows: the answers of one page.
        batches: names by id.
    """
    return pd.DataFrame(
        {
            "Time": [time_text(each.at) for each in rows],
            "File": [each.answer.name for each in rows],
            "Verdict": [VERDICT_NAMES[each.answer.prediction.verdict] for each in rows],
            "Probability": pd.Series(
                [each.answer.prediction.p_all for each in rows], dtype="float64"
            ),
            "Model": [each.answer.model for each in rows],
            "Batch": [batches.get(each.batch or 0, "") for each in rows],
            "Flagged": [each.flagged_at is not None for each in rows],
        }
    )


def export_table(rows: tuple[HistoryEntry, ...], batches: dict[int, str]) -> pd.DataFrame:
    """Answers with all that is kept of them, as their export holds them."""
    return pd.DataFrame([_row(each, batches) for each in rows])


def _row(asked: HistoryEntry, batches: dict[int, str]) -> dict[str, Any]:
    answer, said = asked.answer, asked.answer.prediction
    return {
        "time": asked.at.isoformat(timespec="seconds"),
        "file": answer.name,
        "subject": answer.subject or "",
        "sha256": answer.image_sha256,
        "verdict": said.verdict,
        "p_all": said.p_all,
        "logit": said.logit,
        "threshold": said.threshold,
        "reason": said.reason,
        "rung": said.check or "",
        "strangeness": said.ood_score,
        "model": answer.model,
        "model_sha256": answer.model_sha256,
        "preprocessing_version": answer.preprocessing_version,
        "batch": batches.get(asked.batch or 0, ""),
        "flagged": "" if asked.flagged_at is None else asked.flagged_at.isoformat(" ", "seconds"),
        "note": asked.flag_note,
    }
