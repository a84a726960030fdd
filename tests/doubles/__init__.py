"""Real small servers that stand in for services outside."""
