"""Templates of graphs, one in each JSON file of this folder; see `docs/templates.md`."""
