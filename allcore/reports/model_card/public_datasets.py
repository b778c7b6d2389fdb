"""What is publicly known of a data set by its name, with the source; nothing else is claimed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """Facts from a data set's own description.

    Attributes:
        source: whom to cite.
        cells: what is in the pictures, and what was done to them before they were published.
        labels: how the reference standard came about.
        design: how the pictures were collected, as far as it matters for a figure.
    """

    source: str
    cells: str
    labels: str
    design: str


C_NMC = Known(
    source="Gupta A., Gupta R. (2019), ALL Challenge dataset of ISBI 2019 (C-NMC 2019), The Cancer "
    "Imaging Archive, doi 10.7937/tcia.2019.dc64i46r.",
    cells="Single cells of the ISBI 2019 challenge, blasts of B-lineage ALL and normal lymphoid "
    "cells. The makers of the data set cut them out of microscope images, normalised their stain "
    "and set them on black.",
    labels="By the data set's published description, an expert oncologist annotated the cells. How "
    "often a second reader would have agreed is not known here.",
    design="Retrospective use of published pictures: 10,661 cells of 73 subjects in the public "
    "training part, 1,867 of 28 subjects in the preliminary test part, 2,586 without public labels "
    "in the final one. Every subject carries cells of one class only, so whoever recognises the "
    "subject knows the label.",
)


def known(name: str) -> Known | None:
    """The facts of a data set, None where only its name is known."""
    return C_NMC if name.startswith("C-NMC") else None
