"""A run as one page, a summary for a pull request, the model card, the checklists."""
