"""Every error that reaches a person, with the exit code it ends in.

PipelineError
├── DataError            1  no release because of the data
│   └── SourceDataError     a source as a whole cannot be read
├── UsageError           2  arguments or recipe
└── MachineError         3  disk, network, permissions
    ├── StoreError          the object store does not answer, or refuses
    └── LockHeld            another process is at work on the same

MemberProblem (a ValueError)  one member cannot be used: caught, and its sample rejected, never shown raw
"""


class PipelineError(Exception):
    """An error whose message says what happened, to which file or row, and what to do."""

    exit_code = 1


class DataError(PipelineError):
    """The input data make going on wrong."""


class SourceDataError(DataError):
    """A source as a whole cannot be read: wrong archive, damaged annotation file, nothing usable."""

    def __init__(self, source: str, file: str, problem: str, remedy: str) -> None:
        self.source, self.file, self.problem, self.remedy = source, file, problem, remedy
        super().__init__(f"{source}: {file}: {problem}. {remedy}")

    def within(self, path: str) -> "SourceDataError":
        """Return the same with the path that the source was given with."""
        return SourceDataError(self.source, f"{self.file} in {path}", self.problem, self.remedy)


class UsageError(PipelineError):
    """The arguments or the recipe are wrong."""

    exit_code = 2


class MachineError(PipelineError):
    """The machine does not let us: disk, network, permissions, a lock that is held."""

    exit_code = 3


class StoreError(MachineError):
    """The object store does not answer, or refuses; it may answer when asked again."""


class LockHeld(MachineError):
    """Another process is at work on the same: wait for it, or use another lake."""


class MemberProblem(ValueError):
    """One member of a source cannot be used; ``reason`` and ``detail`` are those of the exclusion to write."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(reason, detail)

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
