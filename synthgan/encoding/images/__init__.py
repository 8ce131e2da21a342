"""Images to grids and back, in the containers they were given in."""
