"""What the subject-wise networks go by: maps of the mel image, what hiding a part of it does, clinical columns."""
