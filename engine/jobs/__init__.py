"""The child process that does heavy work: ``python -m engine.jobs FOLDER``. The only part that loads torch."""
