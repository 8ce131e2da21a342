"""Images to grids and back; the type of the container is kept.

Independent of files and networks.
"""
