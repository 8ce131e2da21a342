"""Plain data to and from archives and files; independent of models.

Fields are checked as they are read. Files are written atomically. Nothing is unpickled.
"""
