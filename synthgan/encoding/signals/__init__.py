"""Signal windows to grids and back: scaling, whitening, leads, mains hum.

Independent of files and networks.
"""
