"""The pages for people: one file each; what they show comes from the feed alone."""
