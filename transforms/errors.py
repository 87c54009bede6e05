"""Errors that users see, with their exit codes.

PipelineError
├── DataError            1  no release because of the data
│   └── SourceDataError     a source as a whole cannot be read
├── UsageError           2  arguments or recipe
└── MachineError         3  disk, network, permissions
    ├── StoreError          the object store is unreachable or refuses the request
    └── LockHeld            another process holds the lock

MemberProblem (a ValueError)  one member cannot be used: caught, and its sample is rejected; never shown to users
"""


class PipelineError(Exception):
    """Base error; its message says what is wrong, in which file or row, and what to do."""

    exit_code = 1


class DataError(PipelineError):
    """The input data do not allow a correct release."""


class SourceDataError(DataError):
    """A source as a whole cannot be read: wrong archive, damaged annotation file, nothing usable."""

    def __init__(self, source: str, file: str, problem: str, remedy: str) -> None:
        self.source, self.file, self.problem, self.remedy = source, file, problem, remedy
        super().__init__(f"{source}: {file}: {problem}. {remedy}")

    def within(self, path: str) -> "SourceDataError":
        """Return this error with the path of the source added to the file."""
        return SourceDataError(self.source, f"{self.file} in {path}", self.problem, self.remedy)


class NoRelease(DataError):
    """A folder that is given as a release holds none: the argument is wrong."""

    exit_code = 2


class UsageError(PipelineError):
    """The arguments or the recipe are wrong."""

    exit_code = 2


class MachineError(PipelineError):
    """The machine is the cause: disk, network, permissions or a held lock."""

    exit_code = 3


class StoreError(MachineError):
    """The object store is unreachable or refuses the request; a retry may succeed."""


class LockHeld(MachineError):
    """Another process holds the lock: wait for it, or use another lake."""


class MemberProblem(ValueError):
    """One member of a source cannot be used; ``reason`` and ``detail`` go into its exclusion."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(reason, detail)

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


ENOUGH_BYTES = 1 << 30
"""More memory than any allowed picture needs."""
_OPENCV_NO_MEMORY = -4


def is_memory_short(error: BaseException) -> bool:
    """Return whether the machine has no memory left, rather than one input asking for more than any may."""
    if not isinstance(error, MemoryError) and getattr(error, "code", 0) != _OPENCV_NO_MEMORY:
        return False
    try:
        bytearray(ENOUGH_BYTES)  # its pages are reserved, not used
    except MemoryError:
        return True
    return False
