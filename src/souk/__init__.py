"""Souk: an engine for service marketplaces."""
