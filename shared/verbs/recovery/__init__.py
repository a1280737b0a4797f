"""recover: keep what cannot go on, and bring it to an end: by itself, or by an operator."""
