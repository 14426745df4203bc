"""The work of flows: module-level functions ``(services, …) -> Value``, idempotent, at most 5 s of their own work."""
