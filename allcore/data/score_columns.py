"""Probability columns of other programs: of which class they are, and on which scale.

A column is judged as a whole. Where heading and values leave two readings open, it is refused with
the ways to decide, so that no figure comes from the rows that happen to fit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from allcore.data import table_reader
from allcore.errors import DataError
from allcore.formats import count
from allcore.labels import CLASS_NAMES, Label, label_key, parse_label

Scale = Literal["share", "percent", "logit"]

_MEASURES = (
    "probability", "probabilities", "prob", "probs", "proba", "p", "pr", "likelihood", "score",
    "scores", "softmax", "sigmoid", "output",
)  # fmt: skip
_OF_PREDICTION = ("confidence", "conf", "certainty", "top", "max")
_FILLERS = frozenset(
    {"of", "the", "y", "pred", "predicted", "prediction", "predictions", "class", "model", "for"}
)
_SCALES: dict[str, Scale] = {
    "percent": "percent", "percentage": "percent", "pct": "percent", "prozent": "percent",
    "%": "percent", "logit": "logit", "logits": "logit", "logodds": "logit",
}  # fmt: skip
_MANY, _HIGH, _MIXED, _FEW = 10, 50, 0.25, 0.1
_LABELS = frozenset(map(table_reader.heading_key, table_reader.LABEL_NAMES))
_NOISE = 1e-6  # by which sums of floating numbers may miss 0 and 1
# Percent without a sign: at least so many values, the highest above, no larger share up to 1.
_SURE = 3.0  # standard errors of the AUROC under which a column seems to be of the other class
_DECIDE = "choose its meaning under Columns"


@dataclass(frozen=True)
class ScoreMeaning:
    """What the numbers of a column are."""

    # the class whose probability they are; None where the heading names none
    of: Label | None = None
    scale: Scale | None = None  # None where the values have to show it
    # whether they may be the probability of the predicted class, either one
    of_prediction: bool = False


MEANINGS: dict[str, ScoreMeaning] = {
    "Probability of ALL blast": ScoreMeaning("all", "share"),
    "Percent of ALL blast": ScoreMeaning("all", "percent"),
    "Probability of normal": ScoreMeaning("hem", "share"),
    "Percent of normal": ScoreMeaning("hem", "percent"),
    "Logit of ALL blast": ScoreMeaning("all", "logit"),
}
"""Meanings that can be chosen, by their titles."""


def heading_meaning(heading: str, codes: Mapping[str, Label | None]) -> ScoreMeaning | None:
    """Return what a heading such as ``prob_hem`` or ``P(ALL) %`` says; None for other columns.

    Args:
        heading: of the column.
        codes: chosen classes of the labels, by ``label_key``.
    """
    rank = _rank(heading, codes)
    return rank and rank[1]


def probability_heading(headings: Sequence[str], codes: Mapping[str, Label | None]) -> str | None:
    """Return the heading of the column that is most probably that of the probabilities."""
    ranked = [(rank[0], i) for i, heading in enumerate(headings) if (rank := _rank(heading, codes))]
    return headings[min(ranked)[1]] if ranked else None


def complement_heading(headings: Sequence[str], codes: Mapping[str, Label | None]) -> str | None:
    """Return the heading of a column that is said to be the probability of normal cells."""
    meanings = [(heading, heading_meaning(heading, codes)) for heading in headings]
    return next((heading for heading, found in meanings if found and found.of == "hem"), None)


def probabilities(
    texts: "pd.Series[str]", heading: str, meaning: ScoreMeaning, *, chosen: bool = False
) -> tuple["pd.Series[float]", tuple[str, ...]]:
    """Convert a column to probabilities of ALL blasts.

    Args:
        texts: the entries; None where one is missing.
        heading: of the column, in sentences.
        meaning: of the column.
        chosen: whether somebody chose the meaning, which then counts.

    Returns:
        The probabilities, NaN where missing, and a sentence for each conversion.

    Raises:
        DataError: an entry is no number, or the column as a whole is no probability.
    """
    column = f"The column '{heading:.40}'"
    if meaning.of_prediction:
        raise of_prediction_error(heading)
    values = table_reader.numbers(texts)
    values = values.mask(values.between(-_NOISE, 1 + _NOISE), values.clip(0, 1))
    wrong = texts[values.isna() & texts.notna()]
    if len(wrong):
        quoted = ", ".join(f"'{text:.20}'" for text in dict.fromkeys(wrong.iloc[:3]))
        raise DataError(
            f"{column} has entries that are no numbers ({len(wrong):,}, such as {quoted}): correct "
            "them, or leave them empty."
        )
    known = values.dropna()
    if known.empty:
        return values, ()
    sentences = []
    written = texts[known.index]
    scale = (_chosen_scale if chosen else _scale)(known, written, meaning.scale, column)
    if scale == "percent":
        values = values / 100
        sentences.append(f"{column} was read as percent (from {known.min():g} to {known.max():g}).")
    elif scale == "logit":
        values = pd.Series(special.expit(values.to_numpy()), index=values.index)
        sentences.append(f"{column} was converted from logits.")
    if meaning.of == "hem":
        values = 1 - values
        sentences.append(
            f"{column} is the probability of normal cells: that of ALL blasts is 1 minus it."
        )
    return values, tuple(sentences)


def of_prediction_error(heading: str) -> DataError:
    """Return the error for a column that may be of the predicted class."""
    return DataError(
        f"The column '{heading:.40}' may be the probability of the predicted class instead of that "
        f"of ALL blasts: {_DECIDE}, or choose another column."
    )


def seems_of_prediction(values: "pd.Series[float]") -> bool:
    """True if no probability of many is below 0.5, as those of the predicted class."""
    return len(values) >= _MANY and bool((values >= 0.5).all())


def seems_calls(values: "pd.Series[float]") -> bool:
    """True if many probabilities are all 0 or 1."""
    return len(values) >= _MANY and bool(values.isin([0, 1]).all())


def seems_reversed(values: "pd.Series[float]", is_blast: "pd.Series[bool]") -> bool:
    """True if blasts have lower values than normal cells, far beyond chance (rank-sum test)."""
    blasts, normal = int(is_blast.sum()), int((~is_blast).sum())
    if not blasts or not normal:
        return False
    ranks = values.rank()[is_blast].sum() - blasts * (blasts + 1) / 2
    error = np.sqrt((blasts + normal + 1) / (12 * blasts * normal))
    return bool(ranks / (blasts * normal) < 0.5 - _SURE * error)


def reversed_error(heading: str) -> DataError:
    """Return the error for a column of which blasts have the lower values."""
    return DataError(
        f"The column '{heading:.40}' is higher for {CLASS_NAMES['hem']} cells than for ALL blasts, "
        "so it may be the probability of normal cells, or the labels may be exchanged: choose "
        "which under Columns."
    )


def _rank(
    heading: str, codes: Mapping[str, Label | None]
) -> tuple[tuple[int, int], ScoreMeaning] | None:
    """Return how probably a heading is that of the probabilities (low first), and its meaning."""
    if table_reader.heading_key(heading) in _LABELS:
        return None
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z\d])|(?<=[A-Z])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", heading)
    joined = re.sub(r"log[\W_]*odds", "logodds", spaced.casefold())
    words = re.findall(r"[^\W_]+|%", joined)
    scale = next((_SCALES[word] for word in words if word in _SCALES), None)
    measures = [_MEASURES.index(word) for word in words if word in _MEASURES]
    of_prediction = any(word in _OF_PREDICTION for word in words)
    known = {*_MEASURES, *_OF_PREDICTION, *_SCALES, *_FILLERS}
    name = " ".join(word for word in words if word not in known)
    of = codes.get(label_key(name)) or parse_label(name) if name else None
    if (name and not of) or not (name or measures or scale or of_prediction):
        return None
    bare = not (measures or scale)  # a class without a measure, as columns of a softmax
    order = 3 if bare or of_prediction else 0 if of == "all" else 2 if of == "hem" else 1
    place = min(measures, default=len(_MEASURES)) + (100 if scale == "logit" else 0)
    place += 10 if of == "hem" else 0
    return (order, place), ScoreMeaning(of, scale, of_prediction and of is None)


def _chosen_scale(
    values: "pd.Series[float]", texts: "pd.Series[str]", chosen: Scale | None, column: str
) -> Scale | None:
    """Return the chosen scale.

    Raises:
        DataError: a value is outside of it.
    """
    signs = _signs(texts)
    highest = {"share": 1, "percent": 100}.get(chosen or "share")
    if (highest and not values.between(0, highest).all()) or (signs and chosen != "percent"):
        raise DataError(
            f"{column} holds other numbers than that ({_extent(values, signs)}): choose another "
            "meaning under Columns."
        )
    return chosen


def _scale(
    values: "pd.Series[float]", texts: "pd.Series[str]", declared: Scale | None, column: str
) -> Scale | None:
    """Return the scale that heading and known values of a column show.

    Raises:
        DataError: they are logits, or could have several scales.
    """
    low, high, signs = values.min(), values.max(), _signs(texts)
    extent = _extent(values, signs)
    outside = texts[~values.between(0, 1)]
    if declared is None and 0 < len(outside) <= _FEW * len(values):
        raise DataError(
            f"{column} holds {count(len(outside), 'number')} of {len(values):,} outside of 0 to 1, "
            f"such as '{outside.iloc[0]:.20}': correct them, leave them empty, or {_DECIDE}."
        )
    if declared == "logit" or low < 0 or high > 100:
        kind = "scores" if low >= 0 and declared is None else "logits"
        if high <= 0 and declared is None:
            kind = "logits, or logarithms of probabilities (convert them by p = exp(x)),"
        raise DataError(
            f"{column} holds {kind} and no probabilities ({extent}): convert logits by "
            "p = 1 / (1 + exp(-x)), or choose 'Logit of ALL blast' under Columns."
        )
    if signs == len(values) or (declared == "percent" and high > 1 and not signs):
        return "percent"
    if high <= 1 and not signs and declared is None:
        return "share"
    many = len(values) >= _MANY and high > _HIGH
    if declared is None and many and not signs and not _has_fractions(values, texts):
        return "percent"
    raise DataError(
        f"{column} holds numbers that could be percent or not ({extent}): write them from 0 to 1, "
        f"or all with percent signs, or {_DECIDE}."
    )


def _has_fractions(values: "pd.Series[float]", texts: "pd.Series[str]") -> bool:
    """True if values up to 1 among percent may be fractions: they are many, or written finer."""
    small = (values > 0) & (values <= 1)
    decimals = texts.str.extract(r"[.,](\d+)", expand=False).str.len().fillna(0)
    finer = decimals[small].max() > decimals[~small].max() if small.any() else False
    return bool(small.mean() > _MIXED or finer)


def _signs(texts: "pd.Series[str]") -> int:
    return int(texts.str.contains("%", regex=False).sum())


def _extent(values: "pd.Series[float]", signs: int) -> str:
    low, high = f"{values.min():g}", f"{values.max():g}"
    signed = f", {signs:,} of {len(values):,} with a percent sign" if signs else ""
    return f"{low if low == high else f'from {low} to {high}'}{signed}"
