"""The index of a data set: measurements, hashes, thumbnails and features, computed once."""
