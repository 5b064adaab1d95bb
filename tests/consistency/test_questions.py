"""What a newcomer asks has one answer in one place, and the README leads straight to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.consistency.markdown import anchor
from tests.consistency.test_pages import PAGES
from tools.declared import ROOT

if TYPE_CHECKING:
    from tests.consistency.markdown import Page

QUESTIONS: Final = {
    "What is it?": ("README.md", "terraform-aws-ecr-cleaner"),
    "Why not lifecycle policies?": ("README.md", "Why not ECR lifecycle policies?"),
    "How is it installed?": ("README.md", "Install"),
    "How does a repository opt in?": ("README.md", "Opt in"),
    "How does one look first?": ("README.md", "First look"),
    "How is removal turned on?": ("README.md", "Turn removal on"),
    "How is it stopped at once?": ("README.md", "Stop at once"),
    "How is a removal undone?": ("docs/safety.md", "Undo"),
    "What counts as in use?": ("docs/consumers.md", "What counts as in use"),
    "What about EKS?": ("docs/kubernetes.md", "Kubernetes and EKS"),
    "What about other accounts?": ("docs/other-accounts.md", "Other accounts"),
    "What about other regions?": ("docs/consumers.md", "Other regions"),
    "What may the function do?": ("docs/permissions.md", "The function's role"),
    "What does it take to apply the module?": ("docs/permissions.md", "Whoever applies the module"),
    "What does it take to look?": ("docs/permissions.md", "Whoever looks"),
    "What does it cost?": ("docs/operations.md", "Cost"),
    "Which alarms are there?": ("docs/operations.md", "Alarms"),
    "A run was refused, what now?": ("docs/operations.md", "Failed and refused runs"),
    "Why is this image kept?": ("docs/how-it-decides.md", "Why an image is kept"),
    "Which rules are there?": ("docs/how-it-decides.md", "Retention rules"),
    "How is it installed without a shell or an engine?": ("docs/operations.md", "Installing a finished image"),
    "How is it upgraded?": ("docs/operations.md", "Upgrading"),
    "What are its limits?": ("docs/limits.md", "Known limits"),
    "What was never tried on AWS?": ("docs/limits.md", "What was verified, and where"),
}
"""Each with the page and the heading of its answer."""


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_one_answer_one_click_away(question: str, readme: Page) -> None:
    """No other page has a section of that name, and what stands elsewhere is linked by page and section."""
    page, heading = QUESTIONS[question]
    assert [(str(one.path.relative_to(ROOT)), h) for one in PAGES for h in one.headings if h == heading] == [
        (page, heading)
    ]
    assert page == "README.md" or f"{page}#{anchor(heading)}" in readme.links


def test_the_readme_asks_what_is_answered_elsewhere(readme: Page) -> None:
    """Its table has every answer of another page, each once."""
    table = readme.table("Question", "Answer")
    answers = [f"{page}#{anchor(heading)}" for page, heading in QUESTIONS.values() if page != "README.md"]
    assert sorted(cell.partition("](")[2].rstrip(")") for cell in table.column(1)) == sorted(answers)
