"""The shapes of what the API is given and answers."""
