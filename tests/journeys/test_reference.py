"""docs/reference/options.md is what the program's own declarations say."""

from program import TOP


def test_the_options_page_is_the_programs_own(slipway, tmp_path):
    page = slipway("reference", cwd=tmp_path).stdout
    written = (TOP / "docs/reference/options.md").read_text()
    assert page == written, "accept with: build/release/slipway reference > docs/reference/options.md"
    assert "| `n_estimators` |" in page and "## split" in page
