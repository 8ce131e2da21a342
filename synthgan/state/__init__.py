"""Plain data to and from archives and files; knows no model.

Fields are checked as they are read. Files are written whole or not at all. Nothing is unpickled.
"""
