"""Seeds: every random draw derives from the study's seed and from the name of what draws."""

import hashlib


def seed_of(seed: int, name: str) -> int:
    """A 32-bit seed of its own for everything that has a name, so that adding one draw moves no other."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4], "big")
