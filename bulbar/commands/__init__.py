"""The command line for people: `bulbar predict`, `bulbar export`, `bulbar download`, `bulbar track`."""
