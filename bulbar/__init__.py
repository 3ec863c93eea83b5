"""Telling ALS from the voice, and how much of each score is real: a library of functions of arrays and tables.

Importing it overrides what the libraries beneath it would read from the user's environment (docs/compute.md).
"""

from bulbar.core import library_settings

library_settings.override()
