"""Every sentence said to a person and every prompt said to a model. No decisions."""
