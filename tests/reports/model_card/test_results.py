"""The card's chapter on what a model refuses."""

from allcore.reports.model_card import results
from allcore.reports.model_card.text import Table

GATE = {
    "accepted": {"value": 0.985, "low": 0.979, "high": 0.989},
    "cells": 7456,
    "judged_on": "subjects that nothing was fitted on",
    "accepted_by_subject": {"H7": 0.833},
    "strangers": {
        "noise": {"value": 1.0, "low": 0.98, "n": 200},
        "photograph": {"value": 0.995, "low": 0.97, "n": 200},
    },
    "methods": {
        "mahalanobis": {"refused": {"photograph": 0.99}},
        "energy": {"refused": {"photograph": 0.05}},
    },
    "command": "python -m allcore evaluate --gate",
}


def test_in_words__gives_share_interval_and_who_passes_least() -> None:
    said = results.gate_text(GATE)
    assert "98.5 % (97.9 to 98.9, over subjects) of 7,456" in said
    assert said.endswith("Fewer than nine in ten pass of H7 (83 %).")


def test_chapters__table_every_kind_beside_each_method() -> None:
    (chapter,) = results.gate_chapters(GATE)
    (table,) = (block for block in chapter.blocks if isinstance(block, Table))
    assert len(table.head) == 5
    assert table.rows == (
        ("noise", "200", "100.0 %", "none left", "none left"),
        ("photograph", "200", "99.5 %", "99.0 %", "5.0 %"),
    )


def test_chapters__none_without_a_gate() -> None:
    assert results.gate_chapters(None) == ()
