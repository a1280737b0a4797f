"""To JSON and back, and what is written on a message. Names that are stored or sent are only here. Knows no SDK."""
