"""The data plane: splits, forwards and records production calls. This version holds its command line alone."""
