"""What the networks use: maps of the mel image, hidden parts of it, clinical columns, the sanity check."""
