"""How every figure looks: colours, markers, fonts. A package of its own, so that a new colour retrains nothing."""
