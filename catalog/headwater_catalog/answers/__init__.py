"""What the catalog knows as plain data, ready for JSON: commands and the REST API give the same shapes."""
