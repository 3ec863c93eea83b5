"""Turn releases into one common format: readers, checks, recordings, workbooks, clinical columns, folds."""
