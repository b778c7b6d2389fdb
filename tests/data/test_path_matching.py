import pytest

from allcore.data.path_matching import AMBIGUOUS, match

FILES = ["all/a0.png", "all/A1.PNG", "hem/a0.png", "hem/b0.png"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("all/a0.png", 0), ("ALL\\a1.png", 1), ("C:\\data\\hem\\b0.png", 3), ("b0.png", 3),
        ("/content/set/all/a0.png", 0), ("./hem/a0.png", 2), ("b0", 3), ("hem/b0.bmp", 3),
        ("a0.png", AMBIGUOUS), ("other/a0.png", AMBIGUOUS), ("c0.png", None), ("", None),
    ],
)  # fmt: skip
def test_match__by_the_longest_common_end(path: str, expected: int | None) -> None:
    assert match([path], FILES) == [expected]


def test_match__the_closest_path_gets_the_file() -> None:
    assert match(["x/one/1.bmp", "x/two/1.bmp"], ["two/1.bmp"]) == [None, 0]


def test_match__two_paths_for_one_file_are_ambiguous() -> None:
    assert match(["x/1.png", "y/1.png"], ["z/1.png"]) == [AMBIGUOUS, AMBIGUOUS]
    assert match(["x/1.png", "x\\1.png"], ["z/1.png"]) == [0, 0]


def test_match__others_of_one_group_are_as_good_as_one() -> None:
    assert match(["1.png"], ["x/1.png", "y/1.png"], groups=["A", "A"]) == [0]
    assert match(["1.png"], ["x/1.png", "y/1.png"], groups=["A", "B"]) == [AMBIGUOUS]
