"""Development tools: generators of committed pages, the bill of materials and the release; not in the wheel."""
