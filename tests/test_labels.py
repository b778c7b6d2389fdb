import pytest

from allcore import labels
from allcore.errors import DataError


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


@pytest.mark.parametrize("text", ["0=all,1=hem", " 0 = ALL ; 1.0=normal", "0=blast\n1=healthy,"])
def test_parse_label_codes__in_any_form(text: str) -> None:
    assert labels.parse_label_codes(text) == {"0": "all", "1": "hem"}


def test_parse_label_codes__words_and_nothing() -> None:
    assert labels.parse_label_codes("Early Pre-B=ALL,AML=hem") == {
        "early pre b": "all",
        "aml": "hem",
    }
    assert labels.parse_label_codes("") == {}


@pytest.mark.parametrize("text", ["0", "0=", "=all", "0=dog", "0=all,0.0=hem", "0:all"])
def test_parse_label_codes__refuses_with_a_form_that_works(text: str) -> None:
    with pytest.raises(DataError, match="write them as 0=all,1=hem") as error:
        labels.parse_label_codes(text)
    advice = str(error.value).rsplit(" ", 1)[1].rstrip(".")
    assert labels.parse_label_codes(advice) == {"0": "all", "1": "hem"}
