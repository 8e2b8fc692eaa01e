"""What an earthquake does to the phase: dislocations, scaling laws and the line of sight."""
