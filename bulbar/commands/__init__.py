"""The command line: `bulbar predict`, `bulbar export`, `bulbar download`, `bulbar track`."""
