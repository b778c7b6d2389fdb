"""The two classes of cells: their codes, names and colours."""

from typing import Literal

Label = Literal["all", "hem"]
"""An ALL blast (class 1) or a normal cell (class 0), in the codes of C-NMC 2019."""
Verdict = Literal["all", "hem", "refused"]
"""The prediction for one image."""

LABELS: tuple[Label, Label] = ("hem", "all")
"""The labels in the order of their class numbers: normal cells are 0, ALL blasts are 1."""

CLASS_NAMES = {"all": "ALL blast", "hem": "normal"}
"""Names of the classes within a sentence."""
CLASS_PLURALS = {"all": "ALL blasts", "hem": "normal cells"}
CLASS_COLOURS = {"all": "#D55E00", "hem": "#0072B2"}
"""Vermilion and blue of Okabe and Ito's palette for colour-blind readers."""
VERDICT_NAMES = {**CLASS_NAMES, "refused": "refused"}
VERDICT_TITLES = {"all": "ALL blast", "hem": "Normal", "refused": "Refused"}

LABEL_ALIASES: dict[str, Label] = {
    "all": "all", "blast": "all", "all blast": "all", "1": "all", "1.0": "all", "true": "all",
    "hem": "hem", "normal": "hem", "healthy": "hem", "0": "hem", "0.0": "hem", "false": "hem",
}  # fmt: skip
"""Aliases of the classes in tables and class folders, in lower case."""
