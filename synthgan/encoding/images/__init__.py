"""Images to grids and back; the container type is kept."""
