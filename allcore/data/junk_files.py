"""Hidden and system files: no part of a data set, a folder of pictures or an archive."""

_SYSTEM_NAMES = frozenset(
    {
        "$recycle.bin", "recycler", "system volume information", "found.000", "thumbs.db",
        "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "autorun.inf", "icon\r", "__macosx",
        "@eadir", "#recycle", "#snapshot", "@tmp", "lost+found", "__pycache__", "cvs",
    }
)  # fmt: skip
"""Files and folders that operating systems and file servers leave behind, in lower case."""


def is_junk(path: str) -> bool:
    """True if a relative path is or leads through a hidden or system file or folder.

    Args:
        path: below the opened folder or archive, with slashes or backslashes.
    """
    return any(map(_is_junk_name, path.replace("\\", "/").split("/")))


def _is_junk_name(name: str) -> bool:
    if name in ("", ".", ".."):
        return False
    return name[0] == "." or name[:2] == "~$" or name.lower() in _SYSTEM_NAMES
