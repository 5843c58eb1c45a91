"""How well features are kept up: what of them is covered, and how their present logic came to be."""
