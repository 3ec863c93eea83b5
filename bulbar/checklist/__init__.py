"""REFORMS and TRIPOD+AI, answered from what a run left behind, item by item."""
