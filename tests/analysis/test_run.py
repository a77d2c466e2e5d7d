"""The analysis as a whole: topics, options, the directory."""

import json
from pathlib import Path

import pandas as pd
import pytest

from liqbayes.analysis import Options, Section, check_out, write_analysis
from liqbayes.errors import InputError

ONE = Section(
    "topic",
    "A topic",
    {"first": pd.DataFrame({"side": ["long"], "share": [float("nan")], "seen": [True]})},
    ("A finding.",),
)


@pytest.mark.parametrize("given", [{"draws": 0}, {"windows": ("soon",)}, {"horizons": ("-1h",)}])
def test_options_are_checked(given: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Options(**given)  # type: ignore[arg-type]


def test_written_directory_is_complete_and_replaced_only_by_force(tmp_path: Path) -> None:
    out = tmp_path / "a"
    write_analysis((ONE,), out, {"contract": "x"}, options=Options())
    values = json.loads((out / "analysis.json").read_text())
    assert values["sections"]["topic"]["tables"] == {"first": "topic-first.csv"}
    assert (out / "topic-first.csv").read_text() == "side,share,seen\nlong,,true\n"
    with pytest.raises(InputError, match="--force"):
        check_out(out, force=False)
    write_analysis((ONE,), out, {"contract": "y"}, options=Options(), force=True)
    (out / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match=r"mine\.txt"):
        write_analysis((ONE,), out, {"contract": "z"}, options=Options(), force=True)
