"""``make demo``: the whole life of the module on this machine, with nothing real at stake."""
