"""The files of a run."""

import json

import pytest

from liqbayes.errors import InputError
from liqbayes.monitor import monitor_fit, write_monitoring
from liqbayes.monitor.write import FILES
from tests.monitor.markets import FEED, FITTED, market, scaled


def test_files_say_what_was_found(tmp_path):
    panel, fit = market(3)
    found = monitor_fit(fit, scaled(panel, FEED, FITTED + 100, float("nan")))
    out = tmp_path / "run"
    written = write_monitoring(found, out)
    assert sorted(p.name for p in out.iterdir()) == sorted(FILES)
    read = json.loads((out / "monitor.json").read_text())
    assert read == json.loads(json.dumps(written))
    assert read["schema"] == "liqbayes-monitor-1"
    assert read["status"] == found.status == "red"
    assert {c["status"] for c in read["checks"]} <= {"green", "amber", "red"}
    assert {c["check"] for c in read["checks"]} <= set(read["triggers"])
    assert read["limits"]["window_blocks"] == 7
    assert sum(block["judged"] for block in read["blocks"]) == 7
    # blocks without reports are unknown, not zero
    assert read["blocks"][-1]["level, reports, long"] is None
    assert (out / "monitor.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_is_replaced_without_force(tmp_path):
    panel, fit = market(3)
    found = monitor_fit(fit, panel)
    write_monitoring(found, tmp_path / "run")
    with pytest.raises(InputError, match="exists"):
        write_monitoring(found, tmp_path / "run")
    write_monitoring(found, tmp_path / "run", force=True)
    (tmp_path / "run" / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="did not write"):
        write_monitoring(found, tmp_path / "run", force=True)
