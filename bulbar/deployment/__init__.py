"""From the fold models to a prediction on a new recording, and of whom it says nothing."""
