"""Marketplaces to read and to copy."""
