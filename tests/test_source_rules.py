"""What no source file of the program may do, with the few that may, and why."""

import ast
import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_architecture import SOURCES, identifier, imported

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(ROOT.glob("allcore/**/*.js"))

RUNS_TEXT = {
    "eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec", "os.system",
    "os.popen", "os.execv", "os.spawnv", "pty.spawn", "subprocess.getoutput", "torch.load",
    "torch.jit.load", "torch.hub.load", "pd.read_pickle", "pandas.read_pickle", "pd.eval",
    "joblib.load", "runpy.run_path", "code.interact",
}  # fmt: skip
UNSAFE_MODULES = {
    "pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml", "xml",
    "lxml", "jinja2", "mako", "ldap3", "smtplib", "telnetlib", "ftplib", "xmlrpc",
}  # fmt: skip
REACHES_OUT = {"requests", "httpx", "aiohttp", "urllib3", "http", "kagglehub"}
MAY_REACH_OUT = {
    "allcore/cnmc/mirror.py": "`data fetch` on the command line, from the mirror it is given",
    "allcore/cnmc/kaggle.py": "`data fetch` on the command line, one named data set",
}
MAY_IMPORT_BY_NAME = {
    "allcore/__main__.py": "the name is one of the fixed table of commands",
    "allcore/nets/registry.py": "the name is one of a fixed table",
    "allcore/research/experiments/catalogue.py": "the name is one of a fixed table",
    "allcore/inference/distributed.py": "the name is written there",
}
MAY_START_PROCESSES = {"allcore/audit/index/jobs.py": "this program's own command, as a list"}
MAY_BUILD_SQL = {
    "allcore/store/database.py": "PRAGMA of a fixed list, BEGIN or BEGIN IMMEDIATE",
    "allcore/store/migrations/versions/0001_initial.py": "a statement of a fixed list",
}
MAY_WRITE_HTML = {
    "allcore/web/home/typical_answers.py": "escapes",
    "allcore/web/home/story_steps.py": "titles of its own and numbers",
    "allcore/web/cookie.py": "the script that asks for the cookie, with a random ticket",
    "allcore/web/predict/results.py": "a scale of numbers",
    "allcore/web/predict/batch.py": "a histogram of numbers",
    "allcore/web/components/verdict_block.py": "escapes (below)",
    "allcore/web/predict/field_view.py": "a mark, escaped (below)",
    "allcore/web/components/explanation_view.py": "escapes (below)",
    "allcore/web/components/cell_pictures.py": "escapes (below)",
    "allcore/web/components/picker.py": "escapes (below)",
    "allcore/web/dataset/browse_comparison.py": "escapes (below)",
    "allcore/web/dataset/cell_window.py": "escapes (below)",
    "pages/networks.py": "a diagram, which escapes (below)",
}


@functools.cache
def calls(path: Path) -> tuple[tuple[str, ast.Call], ...]:
    """Every call in a source file, with the text of what is called."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return tuple((ast.unparse(node.func), node) for node in tree if isinstance(node, ast.Call))


def files(found: Callable[[str, ast.Call], bool]) -> set[str]:
    """The source files that make such a call."""
    return {identifier(path) for path in SOURCES if any(found(*call) for call in calls(path))}


def given(call: ast.Call, keyword: str) -> str:
    """What a call gives by a keyword, as text."""
    return next((ast.unparse(each.value) for each in call.keywords if each.arg == keyword), "")


def literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_calls__none_runs_text_or_unpickles() -> None:
    unsafe = files(
        lambda name, call: (
            name in RUNS_TEXT
            or given(call, "shell") == "True"
            or given(call, "allow_pickle") == "True"
            or given(call, "weights_only") == "False"
        )
    )
    assert unsafe == set()


def test_imports__nothing_that_unpickles_parses_xml_or_templates() -> None:
    unsafe = {
        (identifier(path), module)
        for path in SOURCES
        for module in imported(path)
        if module.split(".")[0] in UNSAFE_MODULES
    }
    assert unsafe == set()


def test_imports__only_some_reach_out() -> None:
    """Beside these, no request goes out but Streamlit's own to the provider of a sign-on."""
    reaching = {
        identifier(path)
        for path in SOURCES
        for module in imported(path)
        if module.split(".")[0] in REACHES_OUT or module.startswith("urllib.request")
    }
    assert reaching == set(MAY_REACH_OUT)


def test_calls__modules_and_processes_by_name_where_listed() -> None:
    assert files(lambda name, _: name.endswith("import_module")) == set(MAY_IMPORT_BY_NAME)
    started = files(lambda name, _: name.startswith(("subprocess.", "os.exec", "os.spawn")))
    assert started == set(MAY_START_PROCESSES)


def test_sql__is_written_out_and_values_are_bound() -> None:
    """Text that becomes a statement is a literal; all else is SQLAlchemy's expressions."""
    writes = re.compile(r"^(sa\.|sqlalchemy\.)?(text|literal_column)$|exec_driver_sql$")

    def built(name: str, call: ast.Call) -> bool:
        if name in ("connection.execute", "bind.execute", "op.execute", "session.execute"):
            return isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
        return bool(writes.search(name)) and bool(call.args) and not literal(call.args[0])

    store = {path for path in files(built) if path.startswith("allcore/store")}
    assert store == set(MAY_BUILD_SQL)


def test_html__is_written_where_listed() -> None:
    html = files(
        lambda name, call: (
            (name.endswith(".html") and not name.startswith("evaluation_html"))
            or any((each.arg or "").startswith("unsafe_allow") for each in call.keywords)
        )
    )
    assert html == set(MAY_WRITE_HTML)


def test_html__scripts_are_the_cookies_alone() -> None:
    def scripted(name: str, call: ast.Call) -> bool:
        return bool(given(call, "unsafe_allow_javascript") or given(call, "unsafe_allow_html"))

    assert files(scripted) == {"allcore/web/cookie.py"}
    assert files(lambda name, _: "components.v1" in name or name.endswith("iframe")) == set()


def test_ways__lead_to_pages_of_this_app() -> None:
    """No page is left for an address that somebody gave."""
    ways = {"switch_page", "page_link", "link_button"}
    leaving = {
        (identifier(path), name.removeprefix("st."))
        for path in SOURCES
        for name, _ in calls(path)
        if name.removeprefix("st.") in ways
    }
    assert leaving == {
        ("allcore/web/navigation.py", "switch_page"),
        ("allcore/web/navigation.py", "page_link"),
        ("allcore/web/components/tour.py", "page_link"),
    }
    sources = "".join(path.read_text(encoding="utf-8") for path in (*SOURCES, *SCRIPTS))
    assert not re.search(
        r"http-equiv=.refresh|\bwindow\.(location|open)|location\.(href|assign)", sources
    )


@pytest.mark.parametrize("path", SCRIPTS, ids=identifier)
def test_scripts__set_text_and_run_none(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    unsafe = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
        r"|setTimeout\(['\"]"
    )
    assert not re.search(unsafe, script)
