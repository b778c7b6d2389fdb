"""The public release of C-NMC 2019: file list, download, verification."""
