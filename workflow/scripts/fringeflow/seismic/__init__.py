"""Recordings and pictures: readers, labels, indexes, and the views made of them."""
