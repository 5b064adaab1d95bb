"""Pure: which images, and which ECS task definitions, the texts of a response name: by `search` and `named`."""
