"""Package data: one TOML file of prompt templates per task, parsed by ``transforms.instructions.prompts``."""
