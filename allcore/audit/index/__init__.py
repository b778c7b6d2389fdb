"""The index of a data set: measures, hashes, thumbnails and embeddings, computed once."""
