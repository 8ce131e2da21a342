"""Training: one loop, its configuration, callbacks, checkpoints and recovery.

It works on grids and networks, and is independent of records.
"""
