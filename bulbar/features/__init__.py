"""From recordings to numbers: clean audio, mel images, sequences, Praat measures, recording conditions."""
