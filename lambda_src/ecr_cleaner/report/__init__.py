"""Renders what happened; decides nothing and does no I/O."""
