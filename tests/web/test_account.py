from allcore.store import accounts, admin_settings, database, registration
from tests.web import sessions


def test_page__ends_all_other_sessions() -> None:
    sessions.add("ada")
    mine, other = (
        sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada") for _ in range(2)
    )
    mine.run()
    assert sum("since" in each.value for each in mine.markdown) == 2
    sessions.press(mine, "Sign out everywhere else")
    assert "All other sessions have ended" in sessions.said(mine)
    assert sum("since" in each.value for each in mine.markdown) == 1
    assert sessions.title(other.run()) == "Sign in"


def test_page__ends_one_session() -> None:
    sessions.add("ada")
    mine, other = (
        sessions.sign_in(sessions.open_page(sessions.session(), "account"), "ada") for _ in range(2)
    )
    sessions.press(mine.run(), "End")
    assert sessions.title(mine) == "Account"
    assert sessions.title(other.run()) == "Sign in"


def test_register__asks_for_an_invitation_and_takes_it() -> None:
    sessions.add("boss", role="admin")
    opened = database.connect()
    admin_settings.change(opened, "boss", {"approval": True, "registration": "invitation"})
    app = sessions.open_page(sessions.session(), "register")
    sessions.fill(
        app,
        Username="ada",
        Your_name="Ada",
        New_password=sessions.PASSWORD,
        Repeat_new_password=sessions.PASSWORD,
    )
    sessions.press(app, "Make the account")
    assert "by invitation" in sessions.said(app)
    sessions.fill(app, Invitation_code=registration.invite(opened, role="reviewer"))
    sessions.press(app, "Make the account")
    made = accounts.find(opened, "ada")
    assert made
    assert made.role == "reviewer"
