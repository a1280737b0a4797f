"""The examples that other people copy, run as they run them."""
