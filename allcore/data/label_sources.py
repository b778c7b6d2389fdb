"""Labels of a data set from its table, folders and file names, and contradictions between them.

The table comes first, then folders, then file names. Where two of them contradict each other, or a
folder can be read in two ways, no image gets a label until somebody decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from allcore.data import subjects, table_reader
from allcore.data.label_choice import IGNORED, NAMES, LabelChoice, LabelConflict
from allcore.data.layouts.folder_names import FolderFacts, FolderNames, plain_name
from allcore.data.layouts.layout import Rows
from allcore.data.splits import SPLIT_ALIASES, parse_part
from allcore.formats import count
from allcore.labels import CLASS_NAMES, label_key, parse_label

_OTHER = {"all": "hem", "hem": "all"}
_SINGULAR = {"file names": "file name", "folders": "folder"}


@dataclass(frozen=True)
class LabelReading:
    """Labels of a data set."""

    rows: Rows  # with ``label``, ``split`` and ``fold`` filled in as far as table and folders tell
    conflict: LabelConflict | None  # what has to be decided, or was; None without a contradiction
    notes: tuple[str, ...]  # on the reading, one sentence each


def read_labels(
    rows: Rows, folders: FolderNames, choice: LabelChoice, *, in_table: bool
) -> LabelReading:
    """Read the labels of images.

    Args:
        rows: one an image with ``path`` and maybe ``label``, as written.
        folders: of these images.
        choice: the decision on this data set; an empty one without.
        in_table: whether ``label`` comes from a table.
    """
    paths = [str(row["path"]) for row in rows]
    facts = [folders.facts(path) for path in paths]
    sources = _sources(rows, facts, choice, in_table=in_table)
    conflict = None if choice.names else _two_readings(sources, facts)
    conflict = conflict or _contradiction(sources, choice)
    labels: Sequence[str | None] = sources.labels
    if conflict and not conflict.decided:
        labels = [None] * len(rows)
    fill_split = not any(row.get("split") for row in rows)
    full = [
        {**row, "label": label, **_parts(row, fact, fill_split=fill_split), **_subject(row, fact)}
        for row, label, fact in zip(rows, labels, facts, strict=True)
    ]
    notes = _notes(sources, facts, choice, None if fill_split else [row["split"] for row in rows])
    unread = (
        _unread_columns(rows, labels=any(sources.labels), split=not fill_split) if in_table else ()
    )
    return LabelReading(full, conflict, (*notes, *unread))


@dataclass(frozen=True)
class _Sources:
    """Labels of N images by source; None where a source does not tell."""

    paths: list[str]  # of the images
    words: list[str]  # the texts behind ``labels``; empty where there is none
    keys: list[str]  # by which a decision names these texts
    labels: list[str | None]  # of the leading source
    leading: str  # that source, in words
    # by folder names, where a table leads and the folders hold both classes
    by_folder: list[str | None]
    by_name: list[str | None]  # by file names
    columns: dict[str, list[str | None]]  # by further columns of labels in a table


def _sources(
    rows: Rows, facts: Sequence[FolderFacts], choice: LabelChoice, *, in_table: bool
) -> _Sources:
    paths = [str(row["path"]) for row in rows]
    by_name = [subjects.label_in_name(path) for path in paths]
    by_folder: list[str | None] = [fact.label for fact in facts]
    if in_table and len(set(by_folder) - {None}) < 2:  # a single folder tells no class
        by_folder = [None] * len(rows)
    if in_table and any(row.get("label") for row in rows):
        chosen = {label_key(word): label for word, label in choice.classes}
        words = [str(row.get("label") or "").strip() for row in rows]
        keys = [label_key(word) for word in words]
        labels = [
            chosen[key] if key in chosen else parse_label(word) or word or None
            for key, word in zip(keys, words, strict=True)
        ]
        leading = "the labels in the table"
    else:
        words = [
            fact.word or str(row.get("label") or "") for row, fact in zip(rows, facts, strict=True)
        ]
        keys = [plain_name(word) for word in words]
        chosen = {plain_name(word): label for word, label in choice.classes}
        labels = by_folder if in_table else [row.get("label") for row in rows]
        labels = [chosen.get(key, label) for key, label in zip(keys, labels, strict=True)]
        by_folder = [None] * len(rows)
        leading = "the class folders"
    if choice.names:
        labels = [name or label for name, label in zip(by_name, labels, strict=True)]
    columns = _further_columns(rows) if in_table else {}
    return _Sources(paths, words, keys, list(labels), leading, by_folder, by_name, columns)


def _further_columns(rows: Rows) -> dict[str, list[str | None]]:
    """Labels in the columns of a table, besides its first one, that are named as labels."""
    names = set(map(table_reader.heading_key, table_reader.LABEL_NAMES))
    headings = [
        heading
        for heading in rows[0]
        if heading != "label" and table_reader.heading_key(heading) in names
    ]
    return {heading: [parse_label(row[heading]) for row in rows] for heading in headings}


def _unread_columns(rows: Rows, *, labels: bool, split: bool) -> Iterator[str]:
    """Sentences on columns of other names that hold nothing but labels or parts of a split."""
    for heading in (name for name in rows[0] if name not in ("path", "label", "split")):
        words = {str(row[heading]) for row in rows if row.get(heading)}
        for name, known, parse in (("label", labels, parse_label), ("split", split, parse_part)):
            told = known or len(words) < 2 or parse_label(heading) == "hem"  # 1 says hem there
            if not told and None not in map(parse, words):
                yield (
                    f"The column '{heading:.40}' holds {name}s by its entries and is not read: "
                    f"name it {name} if it does."
                )


def _parts(
    row: dict[str, str | None], fact: FolderFacts, *, fill_split: bool
) -> dict[str, str | None]:
    """Split and fold of an image from its folders, where the layout has none."""
    if row.get("fold"):
        return {}
    return {"split": fact.split if fill_split else row.get("split"), "fold": fact.fold}


def _subject(row: dict[str, str | None], fact: FolderFacts) -> dict[str, str | None]:
    """Subject of an image from its folders, where neither table nor file name tell it."""
    if not fact.subject or row.get("subject") or subjects.parse_name(str(row["path"])):
        return {}
    return {"subject": fact.subject}


def _two_readings(sources: _Sources, facts: Sequence[FolderFacts]) -> LabelConflict | None:
    """Return the question that folders raise which neither a table nor file names answer."""
    known = zip(facts, sources.labels, sources.by_name, strict=True)
    rows = [number for number, (_, *labels) in enumerate(known) if not any(labels)]
    return _nested_classes(sources, facts, rows) or _numbers(sources, facts, rows)


def _nested_classes(
    sources: _Sources, facts: Sequence[FolderFacts], rows: Sequence[int]
) -> LabelConflict | None:
    inside = [row for row in rows if facts[row].classes]
    if not inside:
        return None
    pairs = list(dict.fromkeys(facts[row].classes for row in inside))
    outer, inner = pairs[0]
    values = (
        ",".join(dict.fromkeys(f"{pair[place]}={IGNORED}" for pair in pairs)) for place in (0, 1)
    )
    return LabelConflict(
        f"{count(len(inside), 'image')} such as {sources.paths[inside[0]]} can be read in two "
        f"ways, by the inner folder '{inner}' and by the outer one '{outer}'",
        tuple(zip(values, ("the inner folders decide", "the outer folders decide"), strict=True)),
        tuple(sources.paths[row] for row in inside),
    )


def _numbers(
    sources: _Sources, facts: Sequence[FolderFacts], rows: Sequence[int]
) -> LabelConflict | None:
    inside = [row for row in rows if facts[row].number]
    numbers = sorted({facts[row].number for row in inside}, key=plain_name)
    if [int(plain_name(number)) for number in numbers] != [0, 1]:
        return None
    zero, one = numbers
    return LabelConflict(
        f"The folders '{zero}' and '{one}' can be read in several ways: as normal and ALL blast by "
        "C-NMC's codes, as ALL blast and normal in alphabetical order, or as folds",
        (
            (f"{zero}=hem,{one}=all", f"{zero} is normal"),
            (f"{zero}=all,{one}=hem", f"{zero} is ALL blast"),
            (f"{zero}={IGNORED},{one}={IGNORED}", "they are folds"),
        ),
        tuple(sources.paths[row] for row in inside),
    )


def _contradiction(sources: _Sources, choice: LabelChoice) -> LabelConflict | None:
    """Return the images whose label another source contradicts; None without any."""
    columns = [(f"entries of '{name}'", labels) for name, labels in sources.columns.items()]
    for title, other in (
        ("file names", sources.by_name), ("folders", sources.by_folder), *columns
    ):  # fmt: skip
        both = zip(sources.labels, other, strict=True)
        compared = [row for row, labels in enumerate(both) if set(labels) <= set(_OTHER)]
        wrong = [row for row in compared if sources.labels[row] != other[row]]
        if wrong:
            first = wrong[0]
            noun = "folder" if sources.leading.endswith("folders") else "table"
            reason = (
                f"{len(wrong):,} of {len(compared):,} {title} contradict {sources.leading}, such "
                f"as {sources.paths[first]} ({_SINGULAR.get(title, title)}: "
                f"{CLASS_NAMES[str(other[first])]}, "
                f"{noun}: '{sources.words[first]}')"
            )
            return LabelConflict(
                reason,
                _decisions(sources, compared, wrong=len(wrong), title=title),
                tuple(sources.paths[row] for row in wrong),
                decided=choice.names or _covers(choice, {sources.keys[row] for row in wrong}),
            )
    return None


def _covers(choice: LabelChoice, keys: set[str]) -> bool:
    chosen = {form(word) for word, _ in choice.classes for form in (label_key, plain_name)}
    return keys <= chosen


def _decisions(
    sources: _Sources, compared: Sequence[int], *, wrong: int, title: str
) -> tuple[tuple[str, str], ...]:
    """Return the ways to decide a contradiction, the most plausible first."""
    label_of = {sources.words[row]: str(sources.labels[row]) for row in compared}
    keep = ",".join(f"{word}={label}" for word, label in sorted(label_of.items()))
    exchange = ",".join(f"{word}={_OTHER[label]}" for word, label in sorted(label_of.items()))
    agreeing = f"exchanged, as {wrong:,} of {len(compared):,} {title} say"
    ways = [(exchange, agreeing), (keep, f"{sources.leading} are right")]
    if title == "file names":
        ways.append((NAMES, "the file names are right"))
    return tuple(ways if 2 * wrong > len(compared) else reversed(ways))


def _notes(
    sources: _Sources,
    facts: Sequence[FolderFacts],
    choice: LabelChoice,
    splits: Sequence[str | None] | None,
) -> Iterator[str]:
    if choice:
        yield f"Labels as decided: {choice.words}."
    named = next((fact.subject for fact in facts if fact.subject), None)
    if named:
        yield f"Folders such as {named} name subjects, where nothing else does."
    codes = {"0", "1"} & set(sources.keys)
    if sources.leading.endswith("table") and codes and not choice and not any(sources.by_name):
        yield (
            "0 is read as normal and 1 as ALL blast, the codes of C-NMC: --labels 0=all,1=hem "
            "exchanges them."
        )
    nested = [row for row, fact in enumerate(facts) if fact.splits]
    if nested:
        outer, inner = facts[nested[0]].splits
        yield (
            f"{count(len(nested), 'image')} such as {sources.paths[nested[0]]} can be read as part "
            f"of '{outer}' and of '{inner}': they count as in no split until a folder is renamed."
        )
    in_table = [SPLIT_ALIASES.get(str(split or "").strip().lower()) for split in splits or ()]
    pairs = zip(in_table, facts, strict=False)
    wrong = sum(bool(part and fact.split and part != fact.split) for part, fact in pairs)
    if wrong:
        yield (
            f"{count(wrong, 'image')} lie in the folder of another part than the table's split "
            "says: the table counts."
        )
