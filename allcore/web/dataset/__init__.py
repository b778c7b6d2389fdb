"""The Dataset page: one data set in six views."""
