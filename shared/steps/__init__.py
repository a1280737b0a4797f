"""What each step calls and what it records of the answer. The frame around them is verbs/advance.py. Knows no HTTP."""
