"""What is measured, a module for each subject; each takes a `Run` and adds to its results."""
