"""Records in memory: tables, windows of signals, stacks of images, heart beats.

Knows no formats of files, no encodings and no networks.
"""
