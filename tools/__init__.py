"""The tools that come with the engine, registered as those of any plug-in are."""
