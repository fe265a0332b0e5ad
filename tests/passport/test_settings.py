"""Settings: what a file and a command line may say."""

import pytest

from passport import settings
from passport.errors import InputRefused


def test_without_a_file_everything_stays_on_this_machine(tmp_path):
    loaded = settings.load(tmp_path)
    assert loaded.public_url == "http://127.0.0.1:8000"
    assert loaded.leads_to_this_machine_only
    assert loaded.keys_dir == tmp_path / "keys"


def test_the_command_line_wins_and_an_open_answer_leaves_the_file(tmp_path):
    (tmp_path / "cellpass.toml").write_text('public_url = "HTTPS://ID.Example.com/"\nport = 9000\n')
    loaded = settings.load(tmp_path, port=9001, host=None)
    assert (loaded.public_url, loaded.port, loaded.host) == ("https://id.example.com", 9001, "127.0.0.1")
    assert not loaded.leads_to_this_machine_only


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('public_url = "id.example.com"', "must start with https"),
        ('public_url = "https://id.example.com/path"', "scheme and host"),
        ('public_url = "https://u@id.example.com"', "scheme and host"),
        ("public_url = 3", "must start with https"),
        ("port = 0", "whole number"),
        ("port = true", "whole number"),
        ('timezone = "Mars/Olympus"', "IANA name"),
        ("production = 1", "true or false"),
        ("prodution = true", "unknown setting prodution"),
        ("= 3", "no TOML"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path, text, said):
    (tmp_path / "cellpass.toml").write_text(text)
    with pytest.raises(InputRefused, match=said):
        settings.load(tmp_path)
