"""Long work: each flow is a sequence of named steps that reads top to bottom; the steps do the work."""
