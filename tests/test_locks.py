"""The locks name every file by its SHA-256 and no place; setup.sh refuses any other file."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ["requirements.lock", "requirements-dev.lock", "scripts/uv.lock"]
ENTRY = re.compile(r"[a-z0-9][a-z0-9.-]*==[\w.!+]+( ; [^\\]+)? \\")


@pytest.mark.parametrize("name", LOCKS)
def test_lock__has_a_version_and_digests_of_each_package_and_nothing_else(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert all(ENTRY.fullmatch(line) or digest.fullmatch(line) for line in lines)
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert line.endswith("\\") == following.startswith("    --hash=")


def test_lock__development_has_all_of_the_apps() -> None:
    app, development = (
        set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE))
        for name in LOCKS[:2]
    )
    assert app and app <= development


@pytest.mark.parametrize(("right", "status"), [(True, 0), (False, 1)])
@pytest.mark.skipif(os.name == "nt", reason="setup.sh is for a POSIX shell")
def test_setup__refuses_a_file_that_the_lock_does_not_name(
    tmp_path: Path, right: bool, status: int
) -> None:
    """Offline, from a folder with one package, by pip: uv is in no such folder."""
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/setup.sh", "scripts/uv.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    wheel = _wheel(tmp_path)
    digest = hashlib.sha256(wheel.read_bytes() if right else b"another file").hexdigest()
    (tmp_path / "small.lock").write_text(f"small==1.0 \\\n    --hash=sha256:{digest}\n")
    tools = tmp_path / "tools"  # bash, Python and no uv
    tools.mkdir()
    (tools / "python3").symlink_to(sys.executable)
    done = subprocess.run(
        ["bash", "scripts/setup.sh", "small.lock"],
        cwd=tmp_path,
        env={
            "PATH": f"{tools}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(tmp_path),
            "PIP_CONFIG_FILE": os.devnull,
        },
        capture_output=True,
        text=True,
    )
    assert bool(done.returncode) == bool(status), done.stderr
    assert ("HASHES" in done.stderr) is not right
    assert (tmp_path / ".venv" / ".installed-small.lock").exists() is right


def _wheel(folder: Path) -> Path:
    path = folder / "small-1.0-py3-none-any.whl"
    parts = {
        "small.py": "",
        "small-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n",
        "small-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        "small-1.0.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path
