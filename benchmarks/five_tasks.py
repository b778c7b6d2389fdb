"""Five tasks on the Dataset page in Chromium, in clicks and seconds.

Find the most confident errors, those of one subject, look at one and the next, tag ten, export
them. Clicks are counted as they are made; typing and keys are none. Seconds are from a click until
its result stands, summed over the clicks of a task, without the time that a person needs.
"""

import json
import re
import statistics
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import app_session, timing
from benchmarks.app_session import AppSession

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TEN = 10
SECTION = """
## Five tasks, in clicks

| on Browse, 240 synthetic cells | clicks | until the results stand |
| --- | --- | --- |
{rows}

Counted and timed in Chromium by `python -m benchmarks.five_tasks`; typing and keys are no clicks,
and the time that a person needs is left out. LightlyStudio and FiftyOne were not measured.

On {machine}.
"""


class TaskCost(NamedTuple):
    """What a task takes."""

    clicks: int
    seconds: float


class _Person:
    """Clicks and waits, and counts both."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self._clicks, self._seconds = 0, 0.0

    def click(self, what: "Locator", until: Callable[[], object], *, shift: bool = False) -> None:
        """Click on something; the result stands when `until` returns."""
        started = time.perf_counter()
        what.click(modifiers=["Shift"] if shift else None)
        until()
        self._clicks += 1
        self._seconds += time.perf_counter() - started

    def press(self, key: str, until: Callable[[], object]) -> None:
        """Press a key, which is no click."""
        started = time.perf_counter()
        self.page.keyboard.press(key)
        until()
        self._seconds += time.perf_counter() - started

    def finished(self) -> TaskCost:
        """The cost of the task, and begin the next one."""
        cost = TaskCost(self._clicks, self._seconds)
        self._clicks, self._seconds = 0, 0.0
        return cost


def tasks(session: AppSession) -> dict[str, TaskCost]:
    """Do the five tasks once; their costs by title."""
    page = session.context.new_page()
    page.goto(f"{session.address}/dataset?view=Browse")
    cells, dialog = page.locator("button.cell"), page.get_by_role("dialog")
    cells.first.wait_for()
    _settle(page)
    person, costs = _Person(page), {}

    def counted(pattern: str) -> Callable[[], object]:
        return page.get_by_text(re.compile(pattern)).first.wait_for

    before = page.get_by_text(re.compile("^1 to .* images?$")).first.inner_text()
    person.click(page.get_by_text("Errors only", exact=True), lambda: _changed(page, before))
    costs["Find the most confident errors"] = person.finished()

    errors = page.get_by_text(re.compile("^1 to .* images?$")).first.inner_text()
    subject = _first_subject(page)
    person.click(
        page.get_by_label("Subject", exact=True),
        page.get_by_role("option", name=subject, exact=True).wait_for,
    )
    person.click(
        page.get_by_role("option", name=subject, exact=True), lambda: _changed(page, errors)
    )
    page.keyboard.press("Escape")
    _settle(page)
    costs["Only those of one subject"] = person.finished()

    ids = [str(each.get_attribute("data-id")) for each in cells.all()]
    person.click(cells.first, dialog.get_by_text(ids[0]).first.wait_for)
    if len(ids) > 1:
        _settle(page)
        person.press("ArrowRight", dialog.get_by_text(ids[1]).first.wait_for)
    _settle(page)
    person.press("Escape", lambda: dialog.wait_for(state="detached"))
    costs["Look at one, then at the next"] = person.finished()

    page.goto(f"{session.address}/dataset?view=Browse")  # one subject may have fewer than ten
    cells.first.wait_for()
    _settle(page)
    page.get_by_text("Errors only", exact=True).click()
    _changed(page, before)
    _settle(page)
    ten = min(TEN, cells.count())
    boxes = page.locator("input.box")
    person.click(boxes.first, counted("^1 selected"))
    person.click(cells.nth(ten - 1), counted(f"^{ten} selected"), shift=True)
    _settle(page)
    person.click(
        page.get_by_role("button", name="Tag", exact=True), page.get_by_label("Tag").last.wait_for
    )
    page.get_by_label("Tag", exact=True).last.fill("benchmark")
    page.keyboard.press("Enter")
    tag = page.get_by_role("button", name=f"Tag {ten} images")
    person.click(tag, counted(f"^{ten} images tagged"))
    costs[f"Tag {ten}"] = person.finished()

    _settle(page)
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        person.click(page.get_by_role("button", name="Export CSV"), lambda: None)
        started = time.perf_counter()
        lines = len(download.value.path().read_text(encoding="utf-8").splitlines())
    assert lines > ten, "the export lacks cells"
    waited, cost = time.perf_counter() - started, person.finished()
    costs["Export them as CSV"] = TaskCost(cost.clicks, cost.seconds + waited)
    page.close()
    return costs


def section(costs: Mapping[str, TaskCost]) -> str:
    """The section of ``docs/peers.md`` about the tasks, in Markdown."""
    rows = (f"| {title} | {cost.clicks} | {cost.seconds:.1f} s |" for title, cost in costs.items())
    return SECTION.format(rows="\n".join(rows), machine=timing.machine()).strip()


def measure(rounds: int) -> dict[str, TaskCost]:
    """Median seconds of each task over several rounds after one that is thrown away."""
    with app_session.signed_in() as session:
        done = [tasks(session) for _ in range(rounds + 1)][1:]
    return {
        title: TaskCost(cost.clicks, statistics.median(each[title].seconds for each in done))
        for title, cost in done[0].items()
    }


def _first_subject(page: "Page") -> str:
    """The subject of the first error, by its card."""
    caption = page.locator("button.cell .caption").first.inner_text()
    found = re.search(r", (\S+)", caption)
    assert found, caption
    return found[1]


def _changed(page: "Page", before: str) -> None:
    page.wait_for_function(
        f"""() => {{
          const all = [...document.querySelectorAll('[data-testid=stCaptionContainer]')]
          const line = all.map(each => each.innerText).find(each => /^1 to .* images?$/.test(each))
          return line && line !== {json.dumps(before)}
        }}"""
    )


def _settle(page: "Page") -> None:
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    )
    page.wait_for_timeout(300)


def main(rounds: int = 3) -> None:
    """Print the costs of every task."""
    for title, cost in measure(rounds).items():
        print(f"{title:<32} {cost.clicks:>2} clicks {cost.seconds:>6.2f} s")
    print(f"on {timing.machine()}")


if __name__ == "__main__":
    main()
