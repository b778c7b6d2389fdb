import json
from pathlib import Path

import pytest

from allcore.errors import StoreError
from allcore.store import common_passwords, passwords


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "P@ssw0rd2024!", "PasswordPassword", "Qwertyuiop12", "1q2w3e4r5t6y",
        "aaaaaaaaaaaa", "abcabcabcabc", "abcdefghijkl", "987654321098", "asdfghjklzxc",
        "dragonmonkey", "Dragon Monkey 7", "iloveyou!!!!!", "ALLScope-2026", "ada.lovelace1",
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


def test_list__is_long_and_in_the_form_that_is_compared() -> None:
    path = Path(common_passwords.__file__).with_suffix(".json")
    known = json.loads(path.read_text(encoding="utf-8"))
    assert len(known) == len(set(known)) >= 1000
    assert all(each == each.casefold() and " " not in each for each in known)
