"""From fold models to a prediction for a new recording, and whether the recording lies outside the training range."""
