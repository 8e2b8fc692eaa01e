"""Transfer: files and pages from servers and folders, whole, checked, and resumed where they stopped."""
