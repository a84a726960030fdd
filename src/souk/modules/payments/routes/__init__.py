"""Payments over HTTP, a file for each subject."""
