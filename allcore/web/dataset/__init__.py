"""The Dataset page: one data set, seen in six views."""
