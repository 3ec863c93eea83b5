"""What a user would otherwise write: short scripts that import nothing of this project."""
