"""How much of a score is real: one module a probe, each from arrays and tables to `Finding`s."""
