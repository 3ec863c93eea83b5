"""bulbar: telling ALS from the voice, and how much of each score is real."""
