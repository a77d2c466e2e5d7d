"""Many independent pieces of work: one row each, resumable, over any executor."""

from liqbayes.batch.rows import Rows
from liqbayes.batch.run import Outcome, local_executor, run_batch

__all__ = ["Outcome", "Rows", "local_executor", "run_batch"]
