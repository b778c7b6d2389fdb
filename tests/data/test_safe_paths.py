from pathlib import Path

from allcore.data.safe_paths import PathResolver


def test_resolve__as_the_system_does(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "1.png").touch()
    (root / "inner").symlink_to(root / "a")
    (root / "outer").symlink_to(tmp_path)
    (root / "a" / "link.png").symlink_to(tmp_path / "2.png")
    within = PathResolver(root)
    names = (
        "a/b/1.png", "inner/b/1.png", "outer/2.png", "a/link.png", "../2.png", "a/..", "gone/1.png",
        str(tmp_path / "2.png"), "a/b/../1.png",
    )  # fmt: skip
    assert [within.resolve(name) for name in names] == [(root / name).resolve() for name in names]
    held = [within.contains(within.resolve(name)) for name in names]
    assert held == [True, True, False, False, False, True, True, False, True]
