"""A run as one page to look at and as a summary for a pull request: elements, sections, and what renders them."""
