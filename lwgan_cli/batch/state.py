"""The record of a batch, a file of JSON lines beside its outputs: what was begun, done and failed.

Each line tells how one output stands, and the last about it holds. A line is appended in one write and synced before
the work goes on, so a batch that is killed loses none; of a line that was cut short nothing is believed.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lwgan_cli.batch.jobs import Job, Outcome, Refused, digest_of
from lwgan_cli.errors import LwganError
from lwgan_cli.frames.output import workspace

STATE_FILE = "lwgan-batch.jsonl"
Record = Mapping[str, Any]


@dataclass(frozen=True)
class State:
    """The record of the batches in one folder.

    folder  of the outputs
    last    output, as a path in the folder → the last that was recorded of it
    """

    folder: Path
    last: dict[str, Record]

    @classmethod
    def of(cls, folder: Path) -> State:
        """What the folder's file says; nothing where there is none."""
        return cls(folder, {record["output"]: record for record in read_records(folder / STATE_FILE)})

    def name(self, output: Path) -> str:
        """An output as the record calls it, with forward slashes."""
        return Path(os.path.relpath(output, self.folder)).as_posix()

    def is_done(self, job: Job) -> bool:
        """The job's output is there as it was made, by the same settings from the same inputs."""
        record = self.last.get(self.name(job.output), {})
        same = record.get("state") == "done" and record.get("settings") == job.settings
        return same and bool(record.get("digest")) and record["digest"] == digest_of(job.output)

    def may_replace(self, job: Job) -> bool:
        """A batch began to write this output, or wrote it, where nothing was before."""
        return self.last.get(self.name(job.output), {}).get("state") in ("begun", "done", "failed")

    def finished(self, jobs: Sequence[Job]) -> int:
        """How many of these the record calls done."""
        return sum(self.last.get(self.name(job.output), {}).get("state") == "done" for job in jobs)

    def tidy(self) -> None:
        """Writes the file anew, with the last line of each output alone."""
        target = self.folder / STATE_FILE
        with workspace(target) as place:
            whole = place / target.name
            whole.write_bytes(b"".join(_line(record) for record in self.last.values()))
            whole.replace(target)

    def begin(self, job: Job) -> None:
        """Records that the job's output is being made. Raises OSError where the folder can't be written to."""
        self._note(job, {"state": "begun"})

    def end(self, job: Job, outcome: Outcome) -> Record:
        """Records how the job ended, and returns that."""
        facts: dict[str, Any] = {"state": "failed", "code": outcome.code, "message": outcome.message}
        if not outcome.code:
            facts = {"state": "done", "code": 0, "digest": outcome.digest, "report": outcome.report}
        return self._note(job, {**facts, "seconds": round(outcome.seconds, 2)})

    def refuse(self, refused: Refused) -> Record:
        """Records that a job can't be begun, and why; its output, if anything, is somebody else's."""
        output = None if refused.output is None else self.name(refused.output)
        facts = {"state": "refused", "code": refused.code, "message": refused.message, "where": refused.where}
        return self._append({"output": output, **facts})

    def _note(self, job: Job, facts: Record) -> Record:
        given = {"inputs": [str(path) for path in job.inputs], "options": dict(job.options), "settings": job.settings}
        return self._append(
            {"output": self.name(job.output), **facts, "command": job.command, "where": job.where, **given}
        )

    def _append(self, record: Record) -> Record:
        if record["output"] is not None:
            self.last[record["output"]] = record
        line = _line(record)
        handle = os.open(self.folder / STATE_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            if os.write(handle, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / STATE_FILE))
            os.fsync(handle)
        finally:
            os.close(handle)
        return record


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Raises LwganError where another batch is at work in the folder. The lock is the system's, and goes with the
    process; where the file system knows no locks there is none."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LwganError(f"another batch is at work in {folder}: wait for it, or give another folder") from error
        except OSError:
            pass
        yield
    finally:
        os.close(handle)


def read_records(path: Path) -> Iterator[Record]:
    """The whole lines of a state file, in order; none where there is no file."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").split("\n"):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):  # cut short, or not ours
            continue
        if isinstance(record, dict) and isinstance(record.get("output"), str):
            yield record


def _line(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode(errors="surrogateescape") + b"\n"
