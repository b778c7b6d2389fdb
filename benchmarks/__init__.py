"""What is timed, with its peers: one file a benchmark, both sides in one run."""
