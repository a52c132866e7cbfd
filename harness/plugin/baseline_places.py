"""Where the baselines of a run that is accepted are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath


@dataclass(frozen=True, slots=True)
class Places:
    """Where baselines are written.

    Attributes:
        root: The project.
        run: The run's folder, which keeps those that cannot be written there: further runs are in
            no store.
    """

    root: Path
    run: Path

    def put(self, path: PurePath, write: Callable[[Path], object]) -> Iterator[str]:
        """Write a baseline below the project or else below the run, and yield why not the first.

        Args:
            path: Of the baseline, below either.
            write: Writes it below a folder.

        Raises:
            OSError: It can be written to neither.
        """
        try:
            write(self.root)
        except OSError as error:
            write(self.run)
            yield (f"{path} could not be written, {error.strerror or error}; it is kept at "
                   f"{self.run / path}: copy it there")  # fmt: skip
