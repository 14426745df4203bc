"""Every contender is asked and scored in one way. Knows nothing of runs, seals or verdicts."""
