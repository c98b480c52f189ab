"""The stores there are; each keeps the promises of `engine.store.Store`."""
