"""Shared by all packages: errors, settings, seeds, atomic files, tables, parallel work, the disclosure rule."""
