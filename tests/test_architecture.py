"""The floors of the library: each imports only what stands below it."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. Modules of one floor may import each other, but never in a circle.
FLOORS: list[tuple[str, ...]] = [
    (
        "allcore.background",
        "allcore.errors",
        "allcore.formats",
        "allcore.labels",
        "allcore.logs",
        "allcore.notice",
        "allcore.settings",
    ),
    ("allcore.data", "allcore.nets", "allcore.cnmc", "allcore.synthetic"),
    ("allcore.model_folder", "allcore.site_profile"),
    ("allcore.training", "allcore.inference"),
    ("allcore.explain", "allcore.evaluation", "allcore.audit", "allcore.review"),
    ("allcore.plots",),
    ("allcore.reports",),
    ("allcore.store",),
    ("allcore.research",),
    ("allcore.cli", "allcore.__main__"),
    ("allcore.web",),
    ("pages",),
    ("app",),
]
SOURCES = [*sorted(ROOT.glob("allcore/**/*.py")), *sorted(ROOT.glob("pages/*.py")), ROOT / "app.py"]
PAGES = sorted(ROOT.glob("pages/*.py"))


def module_name(path: Path) -> str:
    """Give the dotted name that Python imports `path` under."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def imported(path: Path) -> tuple[str, ...]:
    """Give every module that `path` imports, at its top or inside a function."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def floor(module: str) -> int | None:
    """Give the floor `module` stands on, or None for a package of someone else's."""
    for height, names in enumerate(FLOORS):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return height
    return None


def identifier(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_floors__cover_every_module_of_ours() -> None:
    homeless = [identifier(path) for path in SOURCES if floor(module_name(path)) is None]
    assert homeless == ["allcore/__init__.py"]


@pytest.mark.parametrize("path", SOURCES, ids=identifier)
def test_floors__import_only_what_stands_below(path: Path) -> None:
    own = floor(module_name(path))
    heights = {module: floor(module) for module in imported(path)}
    above = [name for name, height in heights.items() if height is not None and height > (own or 0)]
    assert not above, f"{identifier(path)} imports from a floor above its own: {above}"


def imports_of_ours() -> dict[str, set[str]]:
    """Give the modules of ours that each module of ours imports, by their dotted names."""
    names = {module_name(path) for path in SOURCES} - {"allcore"}
    graph: dict[str, set[str]] = {}
    for path in SOURCES:
        targets = (next(_prefixes(name, names), None) for name in imported(path))
        graph[module_name(path)] = {name for name in targets if name} - {module_name(path)}
    return graph


def _prefixes(name: str, modules: set[str]) -> Iterator[str]:
    """Yield the modules that a dotted name begins with, the longest first."""
    while name:
        if name in modules:
            yield name
        name = name.rpartition(".")[0]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Give the modules of one circle of imports, or none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_imports__make_no_circle() -> None:
    """Neither do those inside functions: one can read each module after those it imports."""
    assert circle(imports_of_ours()) == []


def test_circle__is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


@pytest.mark.parametrize("path", SOURCES, ids=identifier)
def test_floors__only_the_web_knows_streamlit(path: Path) -> None:
    web = next(height for height, names in enumerate(FLOORS) if "allcore.web" in names)
    libraries = {module.split(".")[0] for module in imported(path)}
    if (floor(module_name(path)) or 0) < web:
        assert not libraries & {"streamlit", "streamlit_authenticator"}


def test_floors__only_the_command_line_imports_research() -> None:
    """Pages read the JSON that research wrote."""
    importers = [
        module_name(path)
        for path in SOURCES
        if any(name.startswith("allcore.research") for name in imported(path))
    ]
    assert all(name.startswith(("allcore.cli.", "allcore.research")) for name in importers)


def test_imported__resolves_relative_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    source = tmp_path / "allcore" / "nets" / "one.py"
    source.parent.mkdir(parents=True)
    source.write_text("from ..web import guard\nfrom . import base\nimport torch.nn\n")
    assert set(imported(source)) == {"allcore.web.guard", "allcore.nets.base", "torch.nn"}


@pytest.mark.parametrize("path", PAGES, ids=identifier)
def test_pages__begin_with_the_guard(path: Path) -> None:
    """A cold server may run a page without app.py, so nothing may come before the guard."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    if ast.get_docstring(ast.Module(body=body, type_ignores=[])) is not None:
        body = body[1:]
    assert ast.unparse(body[0]) == "from allcore.web import guard"
    assert isinstance(body[1], ast.Assign | ast.Expr)
    call = body[1].value
    assert isinstance(call, ast.Call)
    assert ast.unparse(call.func) == "guard.require"
    assert ast.literal_eval(call.args[0]) == path.stem


def test_pages__exist() -> None:
    assert len(PAGES) >= 10


@pytest.mark.parametrize("module", ["allcore", "allcore.__main__"])
def test_import__stays_light(module: str) -> None:
    """`--help` and a shell's completion must answer at once."""
    heavy = {"torch", "torchvision", "sklearn", "streamlit", "pandas", "plotly", "lightning"}
    code = f"import {module}, sys; print(*sorted({heavy!r} & sys.modules.keys()))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == []
