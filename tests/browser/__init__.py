"""The web pages as a person meets them, in a browser."""
