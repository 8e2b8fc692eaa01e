"""The embedded archive: interferograms made from dislocations, terrain, atmosphere and noise."""
