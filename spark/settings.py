"""Print the settings of the profile's target `spark`, as spark-submit reads them from a file."""

from __future__ import annotations

import os
from pathlib import Path

import jinja2
import yaml


def main() -> None:
    """Print a setting a line; the environment is that of `script/spark`."""
    output = yaml.safe_load(Path(__file__).with_name("profiles.yml").read_text())["afterstate"]["outputs"]["spark"]
    for name, value in output["server_side_parameters"].items():
        print(name, jinja2.Template(str(value)).render(env_var=os.environ.get))


if __name__ == "__main__":
    main()
