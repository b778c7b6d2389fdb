"""The form of a new account, on every page that has it."""

import pytest

from allcore.store import admin_settings, database
from allcore.web.sign_in import forms
from tests.web import sessions


@pytest.mark.parametrize("page", ["admin_sign_in", "register"])
def test_new_account__says_what_is_stored_before_it_is(page: str) -> None:
    if page == "register":
        sessions.add("ada", role="admin")
        admin_settings.change(database.connect(), "ada", {"registration": "open"})
    app = sessions.open_page(sessions.session(), page)
    captions = [part.value for part in app.caption]
    assert forms.CONSENT in captions
    assert "agree" in forms.CONSENT
    assert [button.label for button in app.button if button.label.startswith("Make the")]
