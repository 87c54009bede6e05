"""mlcroissant on a croissant.json: errors, warnings, and how many rows of each record set load (at most ten)."""

import itertools
import json
import sys

import mlcroissant

dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
issues = dataset.metadata.ctx.issues
rows = {}
for record_set in dataset.metadata.record_sets:
    rows[record_set.uuid] = len(list(itertools.islice(dataset.records(record_set.uuid), 10)))
print(json.dumps({"errors": sorted(issues.errors), "warnings": sorted(issues.warnings), "rows": rows}))
