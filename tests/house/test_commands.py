"""The list of commands says of each what the command says itself, and nothing is left out of it."""

import importlib
import json
import pkgutil
import subprocess
import sys

import click
import pytest

import app  # noqa: TID251 - its list is what is looked at
import ingest.commands
import passport.commands


@pytest.mark.parametrize("name", app.COMMANDS)
def test_the_list_has_the_sentence_of_the_command(name: str) -> None:
    package, sentence = app.COMMANDS[name]
    command = importlib.import_module(f"{package}.commands.{name}").command
    assert isinstance(command, click.Command)
    assert not command.hidden
    assert sentence == command.get_short_help_str(limit=1000)
    assert len(sentence) <= 66, "one line of a terminal with 80 columns"


def test_every_command_is_in_the_list() -> None:
    found = {
        (name, package.__name__.partition(".")[0])
        for package in (ingest.commands, passport.commands)
        for _, name, _ in pkgutil.iter_modules(package.__path__)
        if hasattr(importlib.import_module(f"{package.__name__}.{name}"), "command")
    }
    assert found == {(name, package) for name, (package, _) in app.COMMANDS.items()}


def test_help_lists_every_command_and_imports_none() -> None:
    script = (
        "import app, json, sys\n"
        "from click.testing import CliRunner\n"
        "said = CliRunner().invoke(app.cli, ['--help'])\n"
        "heavy = [name for name in sys.modules if '.commands' in name or name in ('sqlalchemy', 'numpy')]\n"
        "print(json.dumps([said.output, said.exit_code, heavy]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    output, status, heavy = json.loads(ran.stdout)
    assert (status, heavy) == (0, [])
    listed = [line.split()[0] for line in output.partition("Commands:")[2].splitlines() if line[:3].strip()]
    assert listed[: len(app.COMMANDS)] == list(app.COMMANDS)
