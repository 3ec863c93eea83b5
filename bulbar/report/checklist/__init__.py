"""REFORMS and TRIPOD+AI, answered item by item from what a run wrote."""
