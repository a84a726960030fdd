"""What is measured, each kind in a file of its own: a function from `Run` to figures."""
