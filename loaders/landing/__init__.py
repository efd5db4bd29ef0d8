"""Former place of what is now in `loaders`."""
