"""The public release of C-NMC 2019: list of files, download, verification."""
