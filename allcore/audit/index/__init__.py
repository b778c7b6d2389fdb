"""The index of a data set: what of its pictures is asked for again and again, measured once."""
