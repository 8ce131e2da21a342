"""Training: one loop, its configuration, callbacks, checkpoints and recovery.

Knows grids and networks, no records.
"""
