from pathlib import Path

import pytest

from benchmarks import damage, inputs, mutations
from benchmarks.mutations import Report, Violation

CHECKED = {"PNG", "TIFF deflate"}
"""Formats with checksums."""
SIZED = {"BMP", "TIFF", "TIFF planes"}
"""Formats whose sizes show damage but for changed pixels. In the others any bit may change some."""
MEGABYTES = 300
"""The allocator's share: a cache of 64 MB, and threads that decode 25 million pixels at once."""
PIXELS = {"flip", "zero"}
"""Mutations that change pixels alone."""


@pytest.fixture
def drawn(small_demo: Path) -> list[Path]:
    return sorted(small_demo.rglob("*.png"))


def mutate(drawn: list[Path], pictures: int) -> Report:
    predictor = inputs.predictor()
    sound = mutations.sound_files(predictor, mutations.answered_cells(predictor, drawn))
    assert len({file.kind for file in sound if file.p_all is not None}) == len(mutations.ENCODINGS)
    return mutations.run(predictor, sound, pictures=pictures, seed=0)


def check(report: Report) -> None:
    assert not report.crashes
    assert report.answered > 0.1 * report.pictures
    for found in report.violations:
        assert found.kind not in CHECKED
        assert found.kind not in SIZED or found.mutation in PIXELS
        assert abs(found.answers[0] - found.answers[1]) < 1e-4
    assert len(report.violations) <= 0.004 * report.pictures
    assert report.grown < MEGABYTES


@pytest.mark.long
@pytest.mark.usefixtures("home")
def test_run__refuses_mutated_pictures_or_keeps_their_answer(drawn: list[Path]) -> None:
    check(mutate(drawn, 1_000))


@pytest.mark.usefixtures("home")
def test_mutated__depends_on_its_number_alone(drawn: list[Path]) -> None:
    predictor = inputs.predictor()
    sound = mutations.sound_files(predictor, drawn[:1])
    one, other = (mutations.mutated(sound, 0, 7) for _ in range(2))
    assert one == other != mutations.mutated(sound, 1, 7)
    every = {mutations.mutated(sound, 0, n)[2] for n in range(800)}
    structures = [name for own in damage.STRUCTURES.values() for name in own]
    assert every == {*damage.BYTE_LEVEL, *structures}


def test_record__counts_stand_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"a\n{mutations.MARK}\nold\n{mutations.MARK}\nb\n")
    report = Report(
        pictures=9, answered=4, violations=[Violation(3, "BMP", "flip", 0.9, (0.7, 0.7))]
    )
    mutations.record(report, page)
    text = page.read_text()
    assert "9 pictures, 4 answered, 1 with another answer" in text
    assert "(BMP, flip: 1; by 0.20 at most)" in text
    assert "old" not in text and text.endswith(f"{mutations.MARK}\nb\n")
    assert mutations.PAGE.read_text(encoding="utf-8").count(mutations.MARK) == 2
