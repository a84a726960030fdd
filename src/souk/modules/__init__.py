"""Capabilities that markets choose from. Each is a folder whose `__init__` is its only door."""
