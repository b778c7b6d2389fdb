import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allcore.errors import StoreError
from allcore.store import passwords


@pytest.mark.parametrize(
    "password", ["a" * 12, "a" * 64, "пароль длинный", "  spaces inside  ok ok "]
)
def test_hashed__matches_itself_only(password: str) -> None:
    made = passwords.hash_password(password)
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
        passwords.hash_password(password)


def test_matches__composed_as_decomposed() -> None:
    made = passwords.hash_password("café crème brûlée")
    assert passwords.matches("cafe\u0301 cre\u0300me bru\u0302le\u0301e", made)


def test_matches__what_is_longer_than_is_read_never_does() -> None:
    made = passwords.hash_password("a" * 12)
    assert passwords.matches("a" * 12 + " " * 900, made)
    assert not passwords.matches("a" * 12 + " " * 988 + "b", made)


def test_matches__no_hash_never_matches() -> None:
    assert not passwords.matches("", None)
    assert not passwords.matches("correct horse battery", None)


def test_matches__does_not_cut_at_what_bcrypt_reads() -> None:
    made = passwords.hash_password("ж" * 36)
    assert passwords.matches("ж" * 36, made)
    assert not passwords.matches("ж" * 37, made)


@given(st.text(max_size=200))
def test_matches__takes_whatever_is_typed(password: str) -> None:
    assert not passwords.matches(password, None)


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "P@ssw0rd2024!", "PasswordPassword", "Qwertyuiop12", "1q2w3e4r5t6y",
        "aaaaaaaaaaaa", "abcabcabcabc", "abcdefghijkl", "987654321098", "asdfghjklzxc",
        "dragonmonkey", "iloveyou!!!!!", "ALLScope-2026", "ada.lovelace1",
    ],
)  # fmt: skip
def test_check_rule__refuses_what_is_easy_to_guess(password: str) -> None:
    with pytest.raises(StoreError, match="easy to guess"):
        passwords.check_rule(password, own=("ada", "Lovelace"))


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "sommerregen im mai", "another password", "xk2 vv9 qe7 zz1", "猫" * 3
     + "correct horse"],
)  # fmt: skip
def test_check_rule__lets_good_ones_pass(password: str) -> None:
    passwords.check_rule(password, own=("ada", "Lovelace"))


def test_check_rule__a_name_alone_is_no_password() -> None:
    passwords.check_rule("grace hopper 1906", own=("ada",))
    with pytest.raises(StoreError, match="little more than a name"):
        passwords.check_rule("grace hopper 1906", own=("grace", "Hopper"))


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("abcabcabcabc", "repeats one part"),
        ("987654321098", "runs along the keyboard or the alphabet"),
        ("password1234", "built on a common one"),
    ],
)
def test_check_rule__says_why(password: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason):
        passwords.check_rule(password)


@pytest.mark.parametrize("password", ["4@8({[</369&#!1/|0$5+7%2" * 2, "a1" * 32, "猫" * 24])
def test_check_rule__takes_a_moment_at_most(password: str) -> None:
    began = time.thread_time()  # other tests may have left threads that work
    with contextlib.suppress(StoreError):
        passwords.check_rule(password)
    assert time.thread_time() - began < 3
