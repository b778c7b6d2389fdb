"""The items of CLAIM, update of 2024 (Tejani and others), topics in words of our own."""

from allcore.reports.model_card.background import DATA, LIMITS, SPLIT, USE, WHAT
from allcore.reports.model_card.checklist_items import Item
from allcore.reports.model_card.method import NETWORK, PREPROCESSING, REPRODUCE
from allcore.reports.model_card.results import TITLE as RESULTS

_NAME_ONLY = "only the name and digest of the data set are known"
_NO_READERS = "labels came with the data; how they were made is not in the run"
_NO_PARTS = "model.json names no subjects of any part"
_NO_INTERVALS = "no interval can be given for these cells"
_NO_SUBJECTS = "subjects are unknown for these cells"

ITEMS = (
    Item("1", "Says that this is AI, and of which kind", WHAT),
    Item("2", "Summary of methods and results", WHAT),
    Item(
        "3",
        "Background and the role the model is meant for",
        USE,
        gap="no background of the disease is given",
    ),
    Item(
        "4",
        "Aims and hypotheses",
        why="the run holds what was measured, no hypothesis set beforehand",
    ),
    Item(
        "5",
        "Data collected before or after the study was planned",
        DATA,
        needs=("known",),
        why=_NAME_ONLY,
    ),
    Item("6", "Goal of the study", WHAT),
    Item("7", "Where the data came from", DATA, needs=("known",), why=_NAME_ONLY),
    Item(
        "8",
        "Who and what was included or excluded",
        why="why subjects and cells were chosen is not in the run",
    ),
    Item("9", "Preprocessing of the data", PREPROCESSING),
    Item(
        "10",
        "Choice of a part of the data",
        why="the run holds how many images were used, not why these",
    ),
    Item(
        "11",
        "How the data were made anonymous",
        why="the run holds identifiers as they came with the data",
    ),
    Item("12", "What was done about missing data", DATA),
    Item(
        "13",
        "How the images were acquired",
        why="microscope, magnification and staining protocol are not in the run",
    ),
    Item("14", "What the reference standard is", DATA, needs=("known",), why=_NO_READERS),
    Item(
        "15",
        "Why this reference standard was chosen",
        why="labels came with the data; why they were made so is not in the run",
    ),
    Item(
        "16",
        "Who made the reference labels",
        DATA,
        needs=("known",),
        gap="how many readers there were is not known",
        why="labels came with the data; who made them is not in the run",
    ),
    Item(
        "17",
        "How the test cells were labelled",
        DATA,
        needs=(
            "known",
            "internal",
        ),
        gap="by the data set's general description",
        why=_NO_READERS,
    ),
    Item(
        "18",
        "Agreement between and within readers",
        why="how readers agreed is not in the run",
    ),
    Item(
        "19",
        "How data were assigned to training, validation and test",
        SPLIT,
        needs=("parts",),
        why=_NO_PARTS,
    ),
    Item("20", "At which level the parts are disjoint", SPLIT, needs=("parts",), why=_NO_PARTS),
    Item(
        "21",
        "Size of the test set that was aimed at",
        why="no calculation of a size is in the run",
    ),
    Item("22", "Description of the model", NETWORK),
    Item(
        "23",
        "Software and its versions",
        REPRODUCE,
        needs=("versions",),
        why="model.json holds no versions",
    ),
    Item(
        "24",
        "Initial values of the weights",
        NETWORK,
        needs=("init",),
        why="model.json doesn't say",
    ),
    Item(
        "25",
        "How the model was trained",
        NETWORK,
        needs=("recipe",),
        why="model.json holds no recipe",
    ),
    Item(
        "26",
        "How the final model was selected",
        NETWORK,
        needs=("selection",),
        why="model.json doesn't say which epoch was kept",
    ),
    Item(
        "27",
        "How several models were combined",
        NETWORK,
        needs=("ensemble",),
        why="one network answers",
        applies=False,
    ),
    Item("28", "Which performance figures are given", RESULTS),
    Item("29", "Uncertainty and significance", RESULTS, needs=("intervals",), why=_NO_INTERVALS),
    Item(
        "30",
        "Robustness or sensitivity analysis",
        "Robustness",
        needs=("robustness",),
        why="how figures move when pictures change is not in this evaluation",
    ),
    Item("31", "Explaining or interpreting answers", why="no method of explanation was evaluated"),
    Item(
        "32",
        "Evaluation on data of the same source",
        RESULTS,
        needs=("internal",),
        why="the evaluated subjects are unknown or not of the model's split",
    ),
    Item(
        "33",
        "Test on data of another source",
        RESULTS,
        needs=("external",),
        why="no cells of another data set were evaluated",
    ),
    Item(
        "34",
        "Registration as a clinical trial",
        why="pictures were evaluated, nobody was enrolled",
        applies=False,
    ),
    Item(
        "35",
        "How many subjects and cells went in or were left out",
        DATA,
        needs=("subjects",),
        gap="what was left out is not in the run",
        why=_NO_SUBJECTS,
    ),
    Item(
        "36",
        "Demographic and clinical facts by part",
        why="age, sex, treatment and subtype are not in the run",
    ),
    Item("37", "Performance with uncertainty", RESULTS, needs=("intervals",), why=_NO_INTERVALS),
    Item(
        "38",
        "Diagnostic performance and its precision",
        RESULTS,
        needs=(
            "intervals",
            "both classes",
        ),
        why="it needs cells of both classes and intervals",
    ),
    Item(
        "39",
        "Analysis of wrongly called cells",
        RESULTS,
        needs=("subjects",),
        gap="by subject; single cells are shown by the program",
        why=_NO_SUBJECTS,
    ),
    Item("40", "Limits of the study", LIMITS),
    Item("41", "What it means for practice", USE),
    Item("42", "Full protocol", why="none is named in the run"),
    Item(
        "43",
        "Where software, model and data can be had",
        REPRODUCE,
        needs=("weights",),
        why="model.json holds no digest of the weights",
    ),
    Item("44", "Funding", why="not in the run"),
)
