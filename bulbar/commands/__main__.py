"""`python -m bulbar.commands` is the same as `bulbar`."""

import sys

from bulbar.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
