"""Pages people open from a message: reports."""
