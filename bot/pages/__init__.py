"""Pages people open from a message: reports of runs, readings of features, digests of months."""
