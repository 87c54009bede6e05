"""Licences: terms of known licences and the licence of a combined release."""
