"""What every package uses: errors, settings, seeds, atomic files, tables, parallel work, the disclosure rule."""
