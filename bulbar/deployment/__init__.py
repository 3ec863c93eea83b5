"""From fold models to a prediction on a new recording, and whether it lies outside the training range."""
