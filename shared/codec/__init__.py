"""To JSON and back, and what is written on a message. Stored and sent names stand here and nowhere else."""
