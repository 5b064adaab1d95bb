"""Manual approval: plans that are written, approved and carried out."""
