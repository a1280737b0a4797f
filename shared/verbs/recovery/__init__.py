"""recover: record what cannot go on (keep, drain), and let an operator end it (replay, discard)."""
