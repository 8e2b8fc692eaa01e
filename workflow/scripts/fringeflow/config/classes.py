"""The words for what a tile of an interferogram shows."""

DEFORMATION = "deformation"
NO_DEFORMATION = "no_deformation"
AMBIGUOUS = "ambiguous"
"""Between the two: left out of training and scores."""

CLASSES = (NO_DEFORMATION, DEFORMATION)
POSITIVE = DEFORMATION
