"""Comments of a declaration survive when it is written again."""

import tomllib

from medmultipoints.transforms.sources.declaration.comments import keep_comments

HAND = """# cells of 2024
name = "cells"  # as in the paper

# why: a mail
[read]
boxes.frame = "edges"  # asked the author
labels = { "a # b" = "c" }
classes = [
  "x",  # the first
]
# the end
"""
NEW = """name = "cells"

[read]
format = "voc"  # 3 files
labels = { "a # b" = "c" }  # stated

[read.boxes]
frame = "edges"  # stated
"""


def test_comments_stay_with_their_keys_or_above_what_follows() -> None:
    kept = keep_comments(NEW, HAND)
    expected = """# cells of 2024
name = "cells"  # as in the paper

# why: a mail
[read]
format = "voc"  # 3 files
labels = { "a # b" = "c" }  # stated

[read.boxes]
# asked the author
frame = "edges"  # stated
# the first
# the end
"""
    assert expected == kept
    assert tomllib.loads(NEW) == tomllib.loads(kept)
    assert kept == keep_comments(NEW, kept)


def test_comments_about_open_questions_are_not_kept() -> None:
    old = '[read]\n# open: Which frame?\n#   frame = "edges"        in [read.boxes]\nformat = "voc"  # stated\n'
    assert '[read]\nformat = "voc"\n' == keep_comments('[read]\nformat = "voc"\n', old)
