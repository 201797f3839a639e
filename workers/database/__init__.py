"""A writer's connection to the server: opened with pinned settings, its errors in words."""
