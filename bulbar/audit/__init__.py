"""How much of a score is real: one module per probe, each from arrays and tables to `Finding`s."""
