"""Signal windows to grids and back: scaling, whitening, leads, mains hum.

Knows no files and no networks.
"""
