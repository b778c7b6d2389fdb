import pytest
from hypothesis import given
from hypothesis import strategies as st

from allcore.errors import StoreError
from allcore.store import passwords


@pytest.mark.parametrize(
    "password", ["a" * 12, "a" * 64, "пароль длинный", "  spaces inside  ok ok "]
)
def test_hashed__matches_itself_only(password: str) -> None:
    made = passwords.hashed(password)
    assert passwords.matches(password, made)
    assert not passwords.matches(password + "x", made)


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("a" * 11, "12 to 64 characters. This one has 11"),
        (" " * 20, "This one has 0"),
        ("a" * 65, "This one has 65"),
        ("a" * 129, "This one has 129"),
        ("a" * 12 + " " * 2000, "This one has 2012"),
        ("ж" * 37, "more than 72 bytes"),
        ("a" * 12 + "\0" + "b", "letters, digits"),
    ],
)
def test_hashed__refuses(password: str, sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence):
        passwords.hashed(password)


def test_matches__composed_as_decomposed() -> None:
    made = passwords.hashed("café crème brûlée")
    assert passwords.matches("cafe\u0301 cre\u0300me bru\u0302le\u0301e", made)


def test_matches__what_is_longer_than_is_read_never_does() -> None:
    made = passwords.hashed("a" * 12)
    assert passwords.matches("a" * 12 + " " * 900, made)
    assert not passwords.matches("a" * 12 + " " * 988 + "b", made)


def test_matches__no_hash_never_matches() -> None:
    assert not passwords.matches("", None)
    assert not passwords.matches("correct horse battery", None)


def test_matches__does_not_cut_at_what_bcrypt_reads() -> None:
    made = passwords.hashed("ж" * 36)
    assert passwords.matches("ж" * 36, made)
    assert not passwords.matches("ж" * 37, made)


@given(st.text(max_size=200))
def test_matches__takes_whatever_is_typed(password: str) -> None:
    assert not passwords.matches(password, None)
