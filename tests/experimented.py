"""Experiments that never were, for the page and the figures that show them."""

from typing import Any

from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval

ALTERED = ("Brightness × 0.8", "Grey", "Scaled × 0.85", "Turned by 90°", "JPEG, quality 50")
CUES = ("Size", "Shape of the outline", "Brightness", "Texture", "Position in the picture")


def cues(**changes: Any) -> ExperimentRecord:
    """Size is told best; position has no interval."""
    rows = [
        ExperimentRow(
            name=title,
            figures={
                "image": Interval(0.9 - place / 50, 0.88 - place / 50, 0.92 - place / 50),
                "unseen": Interval(0.85 - place / 30, 0.7 - place / 30, 0.95 - place / 30),
            },
            cells=800,
            subjects=40,
        )
        for place, title in enumerate(CUES)
    ]
    nan = float("nan")
    rows[-1].figures["unseen"] = Interval(0.5, nan, nan)
    titles = {"image": "Images", "unseen": "Unseen"}
    return record("cues", rows=tuple(rows), titles=titles, **changes)


def interventions(*models: str, half: float = 0.03, **changes: Any) -> ExperimentRecord:
    """Alterations lower the AUROC more and more; the first raises it."""
    rows = []
    for model in models or ("qcresnet-cnmc",):
        rows.append(
            ExperimentRow("Nothing", {"auroc": Interval(0.9, 0.8, 0.95)}, 600, 20, group=model)
        )
        for place, title in enumerate(ALTERED):
            change = 0.05 - place / 12.5
            figures = {
                "auroc": Interval(0.9 + change, 0.5, 0.99),
                "change": Interval(change, change - half, change + half),
                "flipped": Interval(0.1, 0.05, 0.2),
            }
            rows.append(ExperimentRow(title, figures, 600, 20, group=model))
    titles = {"auroc": "AUROC", "change": "Change", "flipped": "Flips"}
    return record("interventions", rows=tuple(rows), titles=titles, **changes)


def variants(name: str = "stages", *, half: float = 0.01, **changes: Any) -> ExperimentRecord:
    """Three choices beside the base; the second helps."""
    rows = [ExperimentRow("Base", {"balanced": Interval(0.8, 0.7, 0.9)}, 600, 20)]
    for title, change in (("Mixup", 0.0), ("Shrunk", 0.02), ("Half the resolution", -0.02)):
        less = Interval(change, change - half, change + half)
        figures = {"balanced": Interval(0.8 + change, 0.7, 0.9), "difference": less}
        rows.append(ExperimentRow(title, figures, 600, 20, prediction=f"{title} was foreseen."))
    titles = {"balanced": "AUROC", "difference": "Less base"}
    return record(name, rows=tuple(rows), titles=titles, **changes)


def growth(name: str = "subjects", **changes: Any) -> ExperimentRecord:
    """Figures that hardly rise."""
    rows = [
        ExperimentRow(
            f"{'all ' if count == 23 else ''}{count} training subjects",
            {
                "auroc": Interval(0.8 + count / 1000, 0.7, 0.9),
                "weighted_f1": Interval(0.78, 0.7, 0.85),
            },
            600,
            20,
        )
        for count in (6, 12, 23)
    ]
    return record(name, rows=tuple(rows), titles={"auroc": "AUROC"}, **changes)


def record(name: str, **changes: Any) -> ExperimentRecord:
    fields: dict[str, Any] = {
        "name": name,
        "title": "What is used?",
        "question": f"What do the {name} say?",
        "why": "It matters.",
        "prediction": "Size alone.",
        "command": f"python -m allcore experiment {name} --data cells",
        "data": "Simulated cells",
        "data_digest": "a" * 64,
        "device": "cpu",
        "titles": {},
        "rows": (),
        "finding": f"This is what the {name} say.",
        "notes": ("A note.",),
    }
    return ExperimentRecord(**fields | changes)
