"""Every statement of chat, by what it is about."""
