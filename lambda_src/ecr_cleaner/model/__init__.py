"""Values that every package shares: frozen and serialisable, without behaviour that does I/O."""
