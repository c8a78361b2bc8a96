"""`flywheel worker` that kills itself at the commit that creates a scheduled run.

`dies_while_firing.py before|after FILE worker`; FILE says that it died there.
"""

import os
import signal
import sys
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.orm import Session

from flywheel.cli.main import main
from flywheel.db.models import Run

_, where, mark, *words = sys.argv
creating: set[int] = set()


def die() -> None:
    Path(mark).write_text(where)
    os.kill(os.getpid(), signal.SIGKILL)


@event.listens_for(Session, "after_flush")
def _flushed(session: Session, _context: object) -> None:
    if any(isinstance(added, Run) for added in session.new):
        creating.add(id(session))


@event.listens_for(Session, "before_commit")
def _before(session: Session) -> None:
    if id(session) in creating and where == "before":
        die()


@event.listens_for(Session, "after_commit")
def _after(session: Session) -> None:
    if id(session) in creating and where == "after":
        die()


sys.argv = ["flywheel", *words]
main()
