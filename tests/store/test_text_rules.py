import pytest

from allcore.errors import StoreError
from allcore.store import text_rules


@pytest.mark.parametrize(("typed", "kept"), [("Ada", "ada"), (" a.b-c_9 ", "a.b-c_9")])
def test_username__in_lower_case(typed: str, kept: str) -> None:
    assert text_rules.username(typed) == kept


@pytest.mark.parametrize(
    "typed", ["", "ab", "a" * 33, "a b c", "ada@home", ".ada", "аda", "ada\n!"]
)
def test_username__refuses(typed: str) -> None:
    with pytest.raises(StoreError, match="A username has"):
        text_rules.username(typed)


@pytest.mark.parametrize(("typed", "kept"), [("", None), (" A@B.Org ", "a@b.org")])
def test_email__in_lower_case(typed: str, kept: str | None) -> None:
    assert text_rules.email(typed) == kept


@pytest.mark.parametrize("typed", ["a", "a@b", "a b@c.org", "a@b..org", f"{'a' * 300}@b.org"])
def test_email__refuses(typed: str) -> None:
    with pytest.raises(StoreError, match="not an e-mail address"):
        text_rules.email(typed)


def test_display_name__keeps_any_script_with_single_spaces() -> None:
    assert text_rules.display_name("  Dr.  Ада \n Lovelace ") == "Dr. Ада Lovelace"


@pytest.mark.parametrize("typed", ["", "   ", "a" * 101, "a\u202eb"])
def test_display_name__refuses(typed: str) -> None:
    with pytest.raises(StoreError, match="A name has"):
        text_rules.display_name(typed)
