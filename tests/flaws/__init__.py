"""One test for each known flaw of the published benchmark that concerns code, named after it."""
