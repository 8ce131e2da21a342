"""What is larger than memory: tables in parts, read and written part by part.

Here belong sources of parts, grids on disk, lots of rows and folders of parts; no estimators.
"""
