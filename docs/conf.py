"""How Sphinx builds these pages: ``sphinx-build -W -b html docs docs/_build``."""

import re
from pathlib import Path

source = Path(__file__).parent.parent / "buildbot" / "__init__.py"
found = re.search(r'^version = "(.+)"$', source.read_text(), re.M)
assert found is not None, f"no version in {source}"

project = "Buildbot Classic"
author = copyright = "the Buildbot Classic maintainers"
release = version = found.group(1)
root_doc = "index"
highlight_language = "console"
exclude_patterns = ["_build", "news"]
html_theme = "alabaster"
html_theme_options = {
    "description": "A Perspective Broker build master",
    "page_width": "60em",
    "fixed_sidebar": True,
    "show_relbar_bottom": True,
}
html_static_path = ["_static"]
html_css_files = ["prompts.css"]  # commands can be copied without their prompts
html_copy_source = False
html_show_sphinx = False
nitpicky = True
