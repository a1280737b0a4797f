"""Small faults put into what ships, one at a time, to see whether a test notices: `make mutants`. Not shipped.

Why an own tool: mutmut 3 changes only the bodies of undecorated functions, draws nothing by seed and brings a terminal
UI; cosmic-ray works in the tree itself, runs one command for every mutant and brings a database. Neither chooses tests
by what they run.
"""
