"""Reading and writing files: images, recordings, tables, and windows cut from recordings.

Independent of encodings and networks.
"""
