"""What the networks use: attribution maps and occlusion of the mel image, clinical columns, the sanity check."""
