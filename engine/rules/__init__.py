"""Pure judgement: readiness, statistics, money, rollout and retirement rules over plain values.

Knows no clock, database, network or chat, and draws no randomness without a seed.
"""
