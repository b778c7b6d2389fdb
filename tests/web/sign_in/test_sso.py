"""What an identity provider may leave out or get wrong in a token that it has signed."""

from typing import Any

import pytest

from allcore.web.sign_in import sso


@pytest.mark.parametrize("issued", [None, "", "soon", "nan", "inf", 1e300, -1e300, [], {}, True])
def test_identity__of_a_token_that_says_nothing_of_when(issued: Any) -> None:
    """It counts as one of long ago, which signs nobody in."""
    told = sso._identity({"iss": "https://id.example", "sub": "1", "iat": issued})
    assert told.issued_at.year == 1970


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "a@b.org"},
        {"email": "a@b.org", "email_verified": False},
        {"email": "a@b.org", "email_verified": "true"},
        {"email": "a@b.org", "email_verified": 1},
    ],
)
def test_identity__an_address_counts_where_it_is_verified(claims: dict[str, Any]) -> None:
    assert sso._identity(claims).email == ""
    assert sso._identity(claims | {"email_verified": True}).email == "a@b.org"
