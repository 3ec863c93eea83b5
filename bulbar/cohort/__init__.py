"""Releases in, one contract out: readers, checks, recordings, workbooks, clinical columns, folds."""
