"""Records in memory: tables, windows of signals, stacks of images, heart beats.

Independent of file formats, encodings and networks.
"""
