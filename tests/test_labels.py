import pytest

from allcore import labels


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("all", ["ALL", " all ", "ALL_blast", "all-blasts", "Leukemia", "1", "1.0", "1,00", "+1"]),
        ("hem", ["HEM", "Normal", "normal  cell", "Benign", "0", "0.0", "0.", "False"]),
        (None, ["", "AML", "2", "-1", "10", "1.5", "0.01", "all hem", "nan", "blasted"]),
    ],
)
def test_parse_label__as_people_write_it(label: labels.Label | None, words: list[str]) -> None:
    assert {word: labels.parse_label(word) for word in words} == dict.fromkeys(words, label)
