"""Reading and writing files: images, recordings, tables; independent of encodings and networks."""
