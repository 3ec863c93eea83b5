"""Features of recordings: clean audio, mel images, sequences, Praat measures, recording conditions."""
