"""The papers' tables, each with its source in README.md. Installed, this folder is the package `bulbar.reference`."""
