"""The ground floor: database, messages, HTTP. It knows nothing of marketplaces."""
