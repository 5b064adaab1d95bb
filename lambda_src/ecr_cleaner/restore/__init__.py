"""Brings removed and archived images back."""
