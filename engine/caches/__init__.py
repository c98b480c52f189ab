"""The caches there are, one module each; all of them do what `engine.cache.Cache` says."""
