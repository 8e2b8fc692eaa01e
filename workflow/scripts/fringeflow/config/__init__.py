"""The configuration: typed models, its tables, and loading with every error at once."""
