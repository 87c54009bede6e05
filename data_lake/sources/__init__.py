"""One TOML file per upstream source; see ``data_lake.catalogue``."""
