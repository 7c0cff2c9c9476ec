"""The array engine: a row per leg, a few array operations per 20 ms tick for all legs at once."""
