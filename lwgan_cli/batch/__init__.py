"""Many jobs: read from a file or spelled out from patterns, run side by side, recorded, and gone on with later."""
