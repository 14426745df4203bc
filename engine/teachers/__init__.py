"""The one way we talk to a chat model: priced, capped, remembered. Knows nothing of splits, verdicts or people."""
