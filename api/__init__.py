"""The engine over HTTP: routes, and what they say on the wire."""
