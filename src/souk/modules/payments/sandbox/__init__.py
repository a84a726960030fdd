"""A bank of one's own that speaks Stripe's objects: the provider of laptops and tests."""
