"""How gunicorn serves the house that nothing watches: as the house has it, less what watches."""

import gc
import runpy
from pathlib import Path

from quality import serving

_HOUSE = runpy.run_path(str(Path(__file__).parents[2] / "docker" / "gunicorn.conf.py"))
_WATCHING = {"logconfig_dict", "on_starting", "on_exit", "when_ready", "worker_exit"}
globals().update(
    {name: value for name, value in _HOUSE.items() if name[0] != "_" and name not in _WATCHING}
)
# Nobody asks whether it is well: all threads are for whoever comes.
serving.PROBE_STARTS = serving.WATCH_STARTS = ()


def post_worker_init(worker):
    # As the house has it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
