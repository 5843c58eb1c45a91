"""What the tests stand on: git repositories, databases and a browser, all of them real."""
