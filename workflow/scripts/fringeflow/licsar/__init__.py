"""LiCSAR: names, mirrors and their listings, the catalogue, download, and products with their no-data rules."""
