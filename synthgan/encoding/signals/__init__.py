"""Windows of signals to grids and back: scaling, whitening, leads, mains hum.

Knows no files and no networks.
"""
