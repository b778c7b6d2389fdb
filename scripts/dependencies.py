"""Licences of the packages that the app installs.

``python scripts/dependencies.py`` renews docs/dependencies.md; ``--sbom FILE`` writes a software
bill of materials instead (CycloneDX 1.6, JSON). Packages are those of requirements.lock that are
installed in this Python; purposes come from requirements.txt.
"""

import argparse
import json
import re
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "dependencies.md"
LINE = re.compile(r"([\w-]+)\S*\s+# (.+); to drop: (.+)")

STRONG = re.compile(
    r"(?<![A-Za-z])A?GPL|Affero|(?<!Lesser )General Public|SSPL|Server Side|non-?commercial|-NC",
    re.IGNORECASE,
)
"""Licences that would bind ALLScope's own code, or forbid uses of it."""

WEAK = re.compile(r"LGPL|Lesser|MPL|Mozilla|EPL|CDDL|Proprietary|UNKNOWN", re.IGNORECASE)
"""Licences whose packages need a line in `REVIEWED`."""

REVIEWED = {
    "certifi": "used as it is",
    "fpdf2": "imported as it is, and exchangeable",
    "orjson": "used as it is",
    "pi-heif": "its wheel has libheif and libde265 as they are, exchangeable; no GPL encoder",
    "psycopg": "imported as it is, and exchangeable",
    "psycopg-binary": "imported as it is, and exchangeable",
    "tqdm": "used as it is",
    "nvidia-*": "NVIDIA's libraries for its cards, as they are; the image for CPUs has none",
}
"""Packages under licences that bind the package itself alone, and why that is acceptable."""

STATED = {"cuda-toolkit": "LicenseRef-NVIDIA-Proprietary"}
"""Licences of packages whose metadata names none; this one only requires others of NVIDIA's."""

HEAD = """# Dependencies

Made by `make dependencies` from `requirements.txt`, `requirements.lock` and the metadata of the
installed packages (Linux, Python 3.11). Versions and SHA-256 digests stand in `requirements.lock`,
development dependencies in `requirements-dev.txt`. `python scripts/dependencies.py --sbom FILE`
writes a software bill of materials of the installed packages (CycloneDX, JSON).

No package has a GPL or AGPL licence: `tests/test_dependencies.py` fails if one comes, and if one of
a weaker copyleft or a proprietary licence comes without a reason below. Licences are those that the
packages state; libraries inside wheels (OpenBLAS, libgfortran, libjpeg-turbo) have theirs in the
wheel's own licence files.
"""


@dataclass(frozen=True)
class Package:
    """An installed package of the lock."""

    name: str
    version: str
    licence: str


@dataclass(frozen=True)
class Direct:
    """A line of requirements.txt."""

    section: str
    name: str
    purpose: str
    drop: str


def main() -> None:
    """Renew the document, or write a bill of materials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sbom", type=Path, metavar="FILE", help="write CycloneDX JSON there")
    target: Path | None = parser.parse_args().sbom
    if target is None:
        DOCUMENT.write_text(document(direct(), installed()), encoding="utf-8")
    else:
        target.write_text(json.dumps(bill(installed()), indent=1) + "\n", encoding="utf-8")


def direct() -> list[Direct]:
    """Return the lines of requirements.txt in order, each with the heading that it stands under."""
    section, lines = "", []
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            section = line[2:]
        elif found := LINE.fullmatch(line):
            lines.append(Direct(section, *found.groups()))
    return lines


def locked() -> list[str]:
    """Return the names in requirements.lock, each once."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"^([\w-]+)==", lock, flags=re.MULTILINE)))


def installed() -> list[Package]:
    """Return the packages of the lock that are installed in this Python, by name."""
    return list(_installed(locked()))


def _installed(names: list[str]) -> Iterator[Package]:
    place = [sysconfig.get_path("purelib")]  # not sys.path: Ray adds packages of its own to it
    for name in names:
        for found in metadata.distributions(name=name, path=place):
            yield Package(name, found.version, STATED.get(name) or licence(found.metadata))


def licence(facts: metadata.PackageMetadata) -> str:
    """Return a package's licence: its SPDX expression, else its classifiers, else a short text."""
    if expression := facts.get("License-Expression"):
        return str(expression)
    classes = [each for each in facts.get_all("Classifier", []) if each.startswith("License ::")]
    text = str(facts.get("License") or "").strip()
    short = [text] if text and "\n" not in text and len(text) < 40 and text != "UNKNOWN" else []
    names = [each.rpartition(" :: ")[2] for each in classes]
    doubtful = [each for each in names if STRONG.search(each) or WEAK.search(each)]
    return " / ".join(short + doubtful if short else names) or "UNKNOWN"


def objections(packages: list[Package]) -> list[str]:
    """Return the packages whose licence is not acceptable, each with its licence."""
    return [
        f"{each.name}: {each.licence}"
        for each in packages
        if not each.licence
        or STRONG.search(each.licence)
        or (WEAK.search(each.licence) and not reason(each.name))
    ]


def reason(name: str) -> str | None:
    """Return why a package under a licence of `WEAK` is acceptable."""
    return REVIEWED.get("nvidia-*" if name.startswith(("nvidia-", "cuda-")) else name)


def document(lines: list[Direct], packages: list[Package]) -> str:
    """Return docs/dependencies.md."""
    licences = {each.name: each.licence for each in packages}
    parts, section = [HEAD], ""
    for each in lines:
        if each.section != section:
            section = each.section
            parts.append(f"\n## {section}\n\n| package | licence | purpose | to drop it |\n")
            parts.append("| --- | --- | --- | --- |\n")
        parts.append(f"| {each.name} | {licences[each.name]} | {each.purpose} | {each.drop} |\n")
    parts.append("\n## Packages that these bring\n\n| licence | packages |\n| --- | --- |\n")
    by_licence = defaultdict(list)
    for package in packages:
        if package.name not in {each.name for each in lines}:
            by_licence[package.licence].append(package.name)
    parts += [f"| {key} | {', '.join(names)} |\n" for key, names in sorted(by_licence.items())]
    parts.append("\n## Reviewed licences\n\n| package | why it is acceptable |\n| --- | --- |\n")
    parts += [f"| {name} | {why} |\n" for name, why in REVIEWED.items()]
    return "".join(parts)


def bill(packages: list[Package]) -> dict[str, object]:
    """Return a bill of materials in CycloneDX 1.6."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": "allscope", "name": "allscope"}
        },
        "components": [
            {
                "type": "library",
                "bom-ref": f"pkg:pypi/{each.name}@{each.version}",
                "name": each.name,
                "version": each.version,
                "purl": f"pkg:pypi/{each.name}@{each.version}",
                "licenses": [{"license": {"name": each.licence}}],
            }
            for each in packages
        ],
    }


if __name__ == "__main__":
    main()
