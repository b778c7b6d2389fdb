"""The items of TRIPOD+AI (Collins and others, BMJ 2024), topics in words of our own."""

from allcore.reports.model_card.background import DATA, LIMITS, SPLIT, USE, WHAT
from allcore.reports.model_card.checklist_items import Item
from allcore.reports.model_card.method import NETWORK, POINT, PREPROCESSING, REPRODUCE
from allcore.reports.model_card.results import TITLE as RESULTS

_NAME_ONLY = "only the name and digest of the data set are known"
_NOWHERE = "not in the run"
_NO_PARTS = "model.json names no subjects of any part"
_NO_SUBJECTS = "subjects are unknown for these cells"

ITEMS = (
    Item("1", "Title names model, target and outcome", WHAT),
    Item("2", "Summary", WHAT),
    Item(
        "3a",
        "Medical context and reason for the model",
        USE,
        gap="existing models are not reviewed",
    ),
    Item("3b", "Whom and what it is meant for, and who uses it", USE),
    Item(
        "3c",
        "Known inequalities in health between groups",
        why="no facts of groups of people are in the run",
    ),
    Item("4", "Aims: development, evaluation or both", WHAT),
    Item(
        "5a",
        "Where the data came from, and whom they stand for",
        DATA,
        needs=("known",),
        gap="whom they stand for is not known",
        why=_NAME_ONLY,
    ),
    Item("5b", "Dates of collection", why=_NOWHERE),
    Item("6a", "Setting and centres", why=_NOWHERE),
    Item("6b", "Who was eligible", why=_NOWHERE),
    Item("6c", "Treatments", why=_NOWHERE),
    Item(
        "7",
        "Preparation and quality checks of the data",
        PREPROCESSING,
        gap="quality by groups of people is not known",
    ),
    Item(
        "8a",
        "What is predicted, and how it was established",
        DATA,
        needs=("known",),
        why="labels came with the data; how they were made is not in the run",
    ),
    Item(
        "8b",
        "Who established the outcome",
        DATA,
        needs=("known",),
        gap="how many readers there were is not known",
        why="labels came with the data; who made them is not in the run",
    ),
    Item("8c", "Blinding of those who established the outcome", why=_NOWHERE),
    Item("9a", "Choice of predictors", why="the picture is the only input", applies=False),
    Item("9b", "What the predictors are", PREPROCESSING),
    Item(
        "9c",
        "Who measured the predictors",
        why="no human reads or measures the input",
        applies=False,
    ),
    Item(
        "10",
        "How the size of the study was arrived at",
        why="no calculation of a size is in the run",
    ),
    Item("11", "What was done about missing data", DATA),
    Item("12a", "How data were used and divided", SPLIT, needs=("parts",), why=_NO_PARTS),
    Item("12b", "How predictors were transformed", PREPROCESSING),
    Item(
        "12c",
        "Type of model, steps of building, internal validation",
        NETWORK,
        needs=("recipe",),
        gap="how the recipe's values were found is not in the run",
        why="model.json holds no recipe",
    ),
    Item(
        "12d",
        "How differences between clusters were handled",
        RESULTS,
        needs=("over subjects",),
        gap="subjects are the only clusters known",
        why="no interval over subjects can be given",
    ),
    Item("12e", "Which figures and plots are used", RESULTS),
    Item(
        "12f",
        "Updating after the evaluation",
        why="the evaluation changes nothing in the model",
        applies=False,
    ),
    Item("12g", "How predictions are calculated", POINT),
    Item(
        "13",
        "Unequal classes and what was done about them",
        NETWORK,
        needs=("balance",),
        why="model.json doesn't say how training cells were drawn",
    ),
    Item("14", "Fairness", why="no facts of groups of people are in the run"),
    Item(
        "15",
        "What the model gives out, and how thresholds were found",
        POINT,
        needs=("rule",),
        why="model.json holds no rule",
    ),
    Item(
        "16",
        "How training and evaluation data differ",
        SPLIT,
        needs=(
            "internal",
            "parts",
        ),
        why="what sets the two data sets apart is not in the run",
    ),
    Item(
        "17",
        "Approval by an ethics committee and consent",
        why="not in the run; it lies with the makers of the data set",
    ),
    Item("18a", "Funding", why=_NOWHERE),
    Item("18b", "Conflicts of interest", why=_NOWHERE),
    Item("18c", "Protocol", why="none is named in the run"),
    Item("18d", "Registration", why="none is named in the run"),
    Item("18e", "Where the data can be had", DATA, needs=("known",), why=_NAME_ONLY),
    Item("18f", "Where the code can be had", REPRODUCE),
    Item("19", "Part of patients and the public in the work", why=_NOWHERE),
    Item(
        "20a",
        "How subjects went through the study",
        DATA,
        needs=("subjects",),
        gap="what was left out is not in the run",
        why=_NO_SUBJECTS,
    ),
    Item(
        "20b",
        "Characteristics of the subjects",
        why="only their class and number of cells are known",
    ),
    Item(
        "20c",
        "Predictors in training and evaluation compared",
        why="the card holds no facts of the pictures themselves",
    ),
    Item(
        "21",
        "Subjects and outcomes in each analysis",
        SPLIT,
        needs=("parts",),
        gap="cells of the training part are not counted apart",
        why=_NO_PARTS,
    ),
    Item(
        "22",
        "The full model, for use by others",
        REPRODUCE,
        needs=("weights",),
        why="model.json holds no digest of the weights",
    ),
    Item(
        "23a",
        "Performance with intervals, also of subgroups",
        RESULTS,
        needs=("intervals",),
        gap="subjects are the only subgroups known",
        why="no interval can be given for these cells",
    ),
    Item("23b", "Performance by cluster", RESULTS, needs=("subjects",), why=_NO_SUBJECTS),
    Item(
        "24",
        "Results of updating",
        why="the evaluation changes nothing in the model",
        applies=False,
    ),
    Item(
        "25", "What the results mean", LIMITS, gap="they are not set beside published models here"
    ),
    Item("26", "Limits", LIMITS),
    Item("27a", "What happens to poor or missing input", USE),
    Item("27b", "What users do, and what they must know", USE),
    Item("27c", "What to find out next", LIMITS),
)
