"""The two classes of cells: their codes, names and colours, the same wherever they are written."""

from typing import Literal

Label = Literal["all", "hem"]
"""An ALL blast (class 1) or a normal cell (class 0), as C-NMC 2019 calls them."""
Verdict = Literal["all", "hem", "refused"]
"""The answer for one picture."""

LABELS: tuple[Label, Label] = ("hem", "all")
"""The labels in the order of their class numbers: normal cells are 0, ALL blasts are 1."""

CLASS_NAMES = {"all": "ALL blast", "hem": "normal"}
"""Names of the classes within a sentence."""
CLASS_PLURALS = {"all": "ALL blasts", "hem": "normal cells"}
CLASS_COLOURS = {"all": "#D55E00", "hem": "#0072B2"}
"""Vermilion and blue of the palette of Okabe and Ito, which colour-blind readers can tell apart."""
VERDICT_NAMES = {**CLASS_NAMES, "refused": "refused"}
VERDICT_TITLES = {"all": "ALL blast", "hem": "Normal", "refused": "Refused"}

LABEL_ALIASES: dict[str, Label] = {
    "all": "all", "blast": "all", "all blast": "all", "1": "all", "1.0": "all", "true": "all",
    "hem": "hem", "normal": "hem", "healthy": "hem", "0": "hem", "0.0": "hem", "false": "hem",
}  # fmt: skip
"""What tables and class folders call the classes, in lower case."""
