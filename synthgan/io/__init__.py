"""Files: archives, images, tables; knows neither encodings nor networks."""
