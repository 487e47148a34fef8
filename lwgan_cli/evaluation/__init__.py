"""Protocols, measurements and reports; time and memory."""
