"""A review of Python code: six tools, each under its long and its short name.

    extract -> analyze, detect -> suggest -> score -> improve -> extract -> ...

They are the nodes of the graph `code-review` (`tools/templates/code-review.json`). Nothing of the
reviewed code is ever executed. What each takes and writes is in `steps` and in
`docs/code-review.md`.
"""

from typing import Final

from engine import Tool
from tools.code_review import steps

code_extract_functions: Final = Tool(
    steps.extract_functions, name="code.extract_functions", execution="process"
)
code_complexity: Final = Tool(steps.complexity, name="code.complexity", execution="process")
code_detect_issues: Final = Tool(
    steps.detect_issues, name="code.detect_issues", execution="process"
)
code_suggest_improvements: Final = Tool(
    steps.suggest_improvements, name="code.suggest_improvements", execution="process"
)
code_quality_score: Final = Tool(
    steps.quality_score, name="code.quality_score", execution="process"
)
code_apply_fixes: Final = Tool(steps.apply_fixes, name="code.apply_fixes", execution="process")

extract: Final = Tool(steps.extract_functions, name="extract", execution="process")
analyze: Final = Tool(steps.complexity, name="analyze", execution="process")
detect: Final = Tool(steps.detect_issues, name="detect", execution="process")
suggest: Final = Tool(steps.suggest_improvements, name="suggest", execution="process")
quality: Final = Tool(steps.quality_score, name="quality", execution="process")
improve: Final = Tool(steps.apply_fixes, name="improve", execution="process")
