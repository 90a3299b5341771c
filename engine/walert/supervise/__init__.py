"""`walert run`: a command as a run of its own, with its terminal, its signals and its exit code as they are without walert."""
