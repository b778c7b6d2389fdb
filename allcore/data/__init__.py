"""Data sets as manifests: readers, splits, preprocessing and augmentation."""
