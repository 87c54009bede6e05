"""The built-in catalogue: one TOML file per upstream source; see ``data_lake.catalogue``."""
