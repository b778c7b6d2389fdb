"""``python -m allcore data health``: findings of an indexed data set."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, BadParameter, Option

from allcore.cli import options, terminal
from allcore.notice import RESEARCH_USE

if TYPE_CHECKING:
    from allcore.audit.findings.finding import Finding


def health(
    folder: Annotated[Path, Argument(help="Data set that was indexed.")],
    labels: options.Labels = None,
    as_json: options.JsonFlag = False,
    csv: Annotated[Path | None, Option(help="CSV file of the findings to write.")] = None,
    split: Annotated[
        Path | None, Option(help="split.csv to look for leaks in, as in a model's folder.")
    ] = None,
    exclude: Annotated[
        str | None, Option(help="Kinds to leave out, comma-separated; needs --out.")
    ] = None,
    out: Annotated[Path | None, Option(help="Cleaned manifest to write.")] = None,
    truth: Annotated[
        bool, Option("--truth", help="Of a drawn set: recall and precision of what was planted.")
    ] = False,
) -> None:
    """Duplicates, leaks, probable label errors, bad pictures and shortcuts, the worst first."""
    from allcore.audit.findings import finding, findings_cache

    if (exclude is None) != (out is None):
        raise BadParameter("go together", param_hint="--exclude, --out")
    for path, option in ((csv, "--csv"), (out, "--out")):
        if path is not None:
            terminal.require_writable(path, option, kind="file")
    options.decide_labels(folder, labels)
    health = findings_cache.all_findings(folder, split=split)
    findings = list(health.findings)
    if csv is not None:
        csv.write_text(finding.as_csv(findings), encoding="utf-8")
    if truth:
        from allcore.audit.findings import ground_truth
        from allcore.synthetic import dataset

        scores = ground_truth.detection_scores(findings, dataset.read_truth(folder))
        terminal.emit(ground_truth.as_text(scores))
        return
    terminal.emit(finding.as_json(findings) if as_json else _table(findings, health.images))
    if exclude is not None and out is not None:
        _write_cleaned(folder, findings, exclude, out)


def _table(findings: "list[Finding]", images: int) -> str:
    lines = [f"{images} images. {RESEARCH_USE}"]
    if not findings:
        return "\n".join([*lines, "Nothing was found."])
    width = max(len(_title(finding)) for finding in findings)
    for finding in findings:
        count = str(finding.count) if finding.count else "-"
        lines.append(f"{finding.severity:<7} {_title(finding):<{width}} {count:>6}  {finding.why}")
        lines.append(f"{'':<7} {'':<{width}} {'':>6}  {finding.do}")
    return "\n".join(lines)


def _title(finding: "Finding") -> str:
    cue = finding.detail.get("cue")
    if cue is None:
        return finding.kind
    figures = [finding.detail[name] for name in ("auroc", "low", "high")]
    return f"{finding.kind}: {cue}, AUROC {figures[0]:.2f} ({figures[1]:.2f} to {figures[2]:.2f})"


def _write_cleaned(folder: Path, findings: "list[Finding]", kinds: str, out: Path) -> None:
    from allcore.audit.findings import finding
    from allcore.data import manifest, readers

    whole = readers.read(folder)
    cleaned = finding.clean_manifest(whole, findings, options.names(kinds))
    manifest.write(cleaned, out)
    terminal.emit(
        f"{len(cleaned)} of {len(whole)} images in {out}; no picture was touched. Its paths are "
        f"relative to {whole.root}.",
        file=sys.stderr,
    )
