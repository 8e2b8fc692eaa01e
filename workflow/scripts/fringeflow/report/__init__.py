"""The report: one page that opens offline, with everything that a run made."""
