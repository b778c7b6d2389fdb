"""The first HTML page: the app's own head, once, with the length that it says."""

import tomllib

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from allcore.web import index_page
from tests.conftest import REPOSITORY

BROWSER = {"accept": "text/html,*/*;q=0.8", "if-none-match": '"old"'}
PAGE = "<html><head><title>Streamlit</title></head></html>"


def _client() -> TestClient:
    def first(_request: object) -> Response:
        return HTMLResponse(PAGE, headers={"etag": '"old"', "last-modified": "then"})

    routes = [Route("/", first), Route("/health", lambda _: PlainTextResponse("ok"))]
    return TestClient(Starlette(routes=routes, middleware=index_page.MIDDLEWARE))


def test_page__brings_the_layout_along() -> None:
    answer = _client().get("/", headers=BROWSER)
    assert "max-width: none" in answer.text
    assert answer.text.count("<title>") == 1 and "<title>ALLScope</title>" in answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert not {"etag", "last-modified"} & set(answer.headers)


def test_page__has_the_grounds_of_both_themes() -> None:
    theme = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())["theme"]
    light, dark = (theme[name]["backgroundColor"] for name in ("light", "dark"))
    answer = _client().get("/", headers=BROWSER)
    assert f"light-dark({light}, {dark})" in answer.text


def test_other_answers__stay_as_they_are() -> None:
    assert _client().get("/health", headers=BROWSER).text == "ok"
    assert _client().get("/").text == PAGE  # no browser asks so
