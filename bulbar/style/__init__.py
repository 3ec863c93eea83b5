"""The style of all figures: colours, markers, fonts. A separate package, so that a new colour retrains nothing."""
