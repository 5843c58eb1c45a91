"""The headwater command line and web application."""
