from streamlit.testing.v1 import AppTest


def drawn() -> None:
    """A page of two views."""
    import streamlit as st

    from allcore.web.components import views
    from allcore.web.components.views import View

    titles = {"one": "First", "two": "Second"}
    kinds = {key: View[None](title, lambda _: None) for key, title in titles.items()}
    st.title(views.choose_view(kinds).title)


def page(**address: str) -> AppTest:
    app = AppTest.from_function(drawn)
    for name, text in address.items():
        app.query_params[name] = text
    app.run()
    assert not app.exception and not app.warning
    return app


def test_choose__the_first_unless_another_is_asked_for() -> None:
    assert page().title[0].value == "First"
    assert page(view="Second").title[0].value == "Second"


def test_choose__what_a_link_opens_wins_once() -> None:
    app = page(view="First", open="two")
    assert app.title[0].value == "Second"
    assert "open" not in app.query_params
    assert page(open="none such").title[0].value == "First"
