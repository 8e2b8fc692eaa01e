"""Models: a light registry, and one module a framework that is imported only when it is used."""
