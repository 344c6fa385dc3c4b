"""The strict verifier inside servers people already have."""
