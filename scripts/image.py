"""Builds the Dockerfile's image without Docker, starts it and measures it.

``python scripts/image.py ROOT`` needs root, debootstrap and Linux. It makes a root file system of
Debian in ROOT, runs the Dockerfile's own steps in it by chroot, starts its command as its user on a
read-only file system without network and capabilities, asks its health check and predicts a cell.
``--build-arg NAME=VALUE`` is Docker's; ``--write`` puts the figures into docs/deploy.md.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

REPOSITORY = Path(__file__).resolve().parents[1]
TRIAL = REPOSITORY / "scripts" / "image_trial.sh"
DOCUMENT = REPOSITORY / "docs" / "deploy.md"
SUITES = {"3.11": "bookworm", "3.13": "trixie"}
"""Debian's releases by their Python, which stands in for that of the image python:X.Y-slim."""
NEEDED = ("debootstrap", "chroot", "unshare", "setpriv", "ip")
CUDA = re.compile(
    r"site-packages/(nvidia|triton|cuda)[/_-]|torch/lib/lib(torch_cuda|c10_cuda|torch_nvshmem|caffe2_nvrtc)"
)
"""Files that a CPU build of PyTorch does not have."""


@dataclass
class Image:
    """A root file system and what the steps so far have set."""

    root: Path
    arguments: dict[str, str]
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
    )
    folder: str = "/"
    user: str = "root"
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def inside(self, path: str) -> Path:
        """The path on this machine of one in the image, relative to its working folder."""
        return self.root / str(PurePosixPath(self.folder) / path).lstrip("/")


@dataclass(frozen=True)
class Figures:
    """What an image takes: bytes, bytes of CUDA files in them, and seconds."""

    size: int
    cuda: int
    build: float
    start: float
    predict: float


def main(
    root: Annotated[Path, typer.Argument(help="New folder; it takes some GB.")],
    build_arg: Annotated[list[str], typer.Option(help="NAME=VALUE, as docker build.")] = [],  # noqa: B006
    write: Annotated[bool, typer.Option(help="Put the figures into docs/deploy.md.")] = False,
) -> None:
    """Build the image in ROOT, start it and print its figures as JSON."""
    reason = missing()
    if reason:
        sys.exit(reason)
    began = time.monotonic()
    image = build(root, dict(each.split("=", 1) for each in build_arg))
    built = time.monotonic() - began
    size, cuda = sizes(root)
    figures = Figures(size, cuda, built, **trial(image))
    print(json.dumps(asdict(figures)))
    if write:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(replaced(text, figures), encoding="utf-8")


def missing() -> str | None:
    """Say in one sentence why no image can be built here; None if one can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "Building the image needs Linux and root."
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if absent:
        return (
            f"Building the image needs {', '.join(absent)}: apt-get install debootstrap iproute2."
        )
    if subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"]).returncode:
        return "Building the image needs namespaces, which this machine does not allow."
    return None


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield a Dockerfile's instructions in order, each with its arguments."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


def build(root: Path, arguments: dict[str, str]) -> Image:
    """Run the Dockerfile's steps in a new root file system.

    Raises:
        CalledProcessError: a step failed; its output has been printed.
        ValueError: the Dockerfile has an instruction that this script does not know.
    """
    image = Image(root, dict(arguments))
    for name, rest in steps((REPOSITORY / "Dockerfile").read_text(encoding="utf-8")):
        print(name, rest[:100], file=sys.stderr, flush=True)
        take(image, name, rest)
    return image


def take(image: Image, name: str, rest: str) -> None:
    """Take one step of a Dockerfile."""
    match name:
        case "FROM":
            base(image.root, rest)
        case "ARG":
            key, _, value = rest.partition("=")
            image.arguments.setdefault(key, value)
        case "ENV":
            image.environment |= dict(each.split("=", 1) for each in shlex.split(rest))
        case "WORKDIR":
            image.folder = rest
            image.inside(".").mkdir(parents=True, exist_ok=True)
        case "COPY":
            *sources, target = shlex.split(rest)
            copy(sources, image.inside(target))
        case "RUN":
            run(image, rest)
        case "USER":
            image.user = rest
        case "CMD":
            image.command = json.loads(rest)
        case "HEALTHCHECK":
            image.health = json.loads(rest[rest.index("[") :])
        case "EXPOSE" | "VOLUME":
            pass
        case _:
            raise ValueError(f"The Dockerfile's {name} is not known to scripts/image.py.")


def base(root: Path, name: str) -> None:
    """Lay Debian with the Python of an image ``python:X.Y-slim``, where that image has it."""
    suite = SUITES[name.removeprefix("python:").removesuffix("-slim")]
    packages = "--include=python3,python3-venv,ca-certificates"
    execute(["debootstrap", "--variant=minbase", packages, suite, str(root)])
    execute(["chroot", str(root), "python3", "-m", "venv", "/usr/local"])
    for rubbish in (
        *root.glob("var/cache/apt/archives/*.deb"),
        *root.glob("var/lib/apt/lists/*_*"),
    ):
        rubbish.unlink()
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")


def run(image: Image, line: str) -> None:
    """Run a shell line in the image, as its user, with this machine's network and certificates."""
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    extra = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}
    lent = image.root / "tmp" / "certificates.pem"
    if certificates:
        shutil.copy(certificates, lent)
        extra["PIP_CERT"] = "/tmp/certificates.pem"
    settings = {**image.arguments, **image.environment, **extra}
    words = [f"{key}={value}" for key, value in settings.items()]
    shell = f"cd {shlex.quote(image.folder)} && {line}"
    execute(["chroot", str(image.root), "env", "-i", *words, "sh", "-ec", shell])
    lent.unlink(missing_ok=True)


def execute(command: list[str]) -> None:
    """Run a command, and print its output only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr, flush=True)
        done.check_returncode()


def copy(sources: list[str], target: Path) -> None:
    """Copy files of the repository, without those that .dockerignore names, into a folder."""
    rules = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    for source in sources:
        for path in sorted(
            (REPOSITORY / source).rglob("*") if source == "." else [REPOSITORY / source]
        ):
            name = path.relative_to(REPOSITORY).as_posix()
            if path.is_file() and not ignored(name, rules):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target / name)


def ignored(name: str, rules: list[str]) -> bool:
    """Tell whether .dockerignore leaves out a file; the last rule that names it decides."""
    ways = [str(each) for each in (PurePosixPath(name), *PurePosixPath(name).parents)][:-1]
    out = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        if any(_named(way, pattern) for way in ways):
            out = not rule.startswith("!")
    return out


def _named(way: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(PurePosixPath(way).name, pattern[3:])
    return way.count("/") == pattern.count("/") and fnmatch(way, pattern)


def sizes(root: Path) -> tuple[int, int]:
    """Return the bytes of all files and of CUDA's among them; hard links count once."""
    seen: dict[tuple[int, int], tuple[int, bool]] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            seen[facts.st_dev, facts.st_ino] = (facts.st_size, bool(CUDA.search(path)))
    return sum(size for size, _ in seen.values()), sum(size for size, cuda in seen.values() if cuda)


def trial(image: Image) -> dict[str, float]:
    """Start the image's command, wait for its health check, predict one cell; return seconds.

    Raises:
        CalledProcessError: it did not start, or gave no answer; its output has been printed.
    """
    settings = [f"{key}={value}" for key, value in image.environment.items()]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", str(TRIAL)],
        env={
            "PATH": os.environ["PATH"],
            "ROOT": str(image.root.resolve()),
            "IMAGE_USER": image.user,
            "IMAGE_FOLDER": image.folder,
            "IMAGE_ENVIRONMENT": shlex.join(settings),
            "IMAGE_COMMAND": shlex.join(image.command),
            "IMAGE_HEALTH": shlex.join(image.health),
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    done.check_returncode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def replaced(text: str, figures: Figures) -> str:
    """Return the document with the figures between its two marks."""
    gigabytes = (
        f"{figures.size / 1e9:.2f} GB, {(figures.size - figures.cuda) / 1e9:.2f} GB of them without"
    )
    rows = [
        "| figure | value |",
        "| --- | --- |",
        f"| machine | {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f} |",
        f"| size | {gigabytes} the CUDA files |",
        f"| build, with downloads | {figures.build:.0f} s |",
        f"| start until the health check passes | {figures.start:.1f} s |",
        f"| `predict` of one cell, start of Python included | {figures.predict:.1f} s |",
    ]
    head, mark, rest = text.partition("<!-- image -->\n")
    _, end, tail = rest.partition("<!-- end of image -->\n")
    return f"{head}{mark}{chr(10).join(rows)}\n{end}{tail}"


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
