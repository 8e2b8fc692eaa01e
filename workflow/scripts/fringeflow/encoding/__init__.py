"""From a view's array to a model's input: the one place for it, used by training and by detection."""
