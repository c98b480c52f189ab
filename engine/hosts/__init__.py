"""The hosts there are; each does what `engine.host.Host` says."""
