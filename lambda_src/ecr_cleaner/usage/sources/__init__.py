"""One module for each kind of consumer; each lists what it has to offer in ``SOURCES``."""
