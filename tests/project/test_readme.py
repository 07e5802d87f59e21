"""The README says what the code does."""

import re

from accounts.policy_table import policy_markdown
from embedsite.config import BASE_DIR
from embedsite.options import markdown


def test_table_of_options_is_in_step() -> None:
    readme = (BASE_DIR / "README.md").read_text()

    found = re.search(r"<!-- options -->\n(.*)\n<!-- /options -->", readme, re.DOTALL)

    assert found
    assert found[1] == markdown(), "paste the output of: python3 manage.py config --markdown"


def test_the_policy_is_in_step() -> None:
    readme = (BASE_DIR / "README.md").read_text()

    found = re.search(r"<!-- policy -->\n(.*)\n<!-- /policy -->", readme, re.DOTALL)

    assert found
    assert found[1] == policy_markdown(), "paste: python3 manage.py show_policy --markdown"
