"""Browser sessions without a browser, on a database of the test's own."""

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from allcore.store import accounts, database
from allcore.store.accounts import AccountInfo

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"


def add(username: str, role: str = "user") -> AccountInfo:
    return accounts.create(
        database.connect(),
        username=username,
        display_name=username.title(),
        password=PASSWORD,
        role=role,
    )


def session() -> AppTest:
    """Open the app as a browser that has never been here."""
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def open_page(app: AppTest, script: str) -> AppTest:
    app.switch_page(f"pages/{script}.py").run()
    assert not app.exception
    return app


def sign_in(app: AppTest, username: str, password: str = PASSWORD) -> AppTest:
    """Sign in on the page that is open."""
    fill(app, Username=username, Password=password)
    return press(app, "Sign in")


def sign_out(app: AppTest) -> AppTest:
    """Sign out on the page that asks first."""
    return press(open_page(app, "sign_out"), "Sign out")


def fill(app: AppTest, **fields: Any) -> None:
    """Write into fields by their label, spaces as underscores; the last one of a label counts."""
    for label, text in fields.items():
        [*_, field] = [f for f in app.text_input if f.label == label.replace("_", " ")]
        field.set_value(text)


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception
    return app


def title(app: AppTest) -> str:
    return app.title[0].value


def said(app: AppTest) -> str:
    """Give all notices and problems on the page, without Markdown's escapes."""
    parts = [*app.error, *app.info, *app.success]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")
