"""Pure: decides which images stay and which are removed. No clock, no I/O."""
