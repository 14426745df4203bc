"""Block Kit: render templates to blocks, check them, and make them fit.

Knows nothing of features, verdicts or rollouts: views come in, JSON goes out.
"""
