"""`liqbayes cite`."""

from liqbayes.cite import cite
from liqbayes.model import load_spec


def test_bibtex_is_printed_as_it_stands(liqbayes):
    done = liqbayes("cite", "standard")
    assert done.exit_code == 0
    spec = load_spec("standard")
    assert done.stdout == "\n\n".join(entry.text() for entry in cite(spec)) + "\n"
    assert spec.content_hash in done.stdout


def test_an_unknown_model_is_2(liqbayes):
    done = liqbayes("cite", "nothing")
    assert done.exit_code == 2
    assert "shipped models" in done.stderr
