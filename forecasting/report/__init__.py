"""What a run found, to be looked at: figures, and one self-contained HTML page."""
