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
        ("registry = 3", "is a section"),
        ("[registry]", "url is missing"),
        ('[registry]\nurl = "http://registry.example.com"', "https address"),
        ('[registry]\nurl = "https://u:p@registry.example.com"', "https address"),
        ('[registry]\nurl = "https://registry.example.com/?a=b"', "https address"),
        ('[registry]\nurl = "https://[::1"', "https address"),
        ('[registry]\nurl = "https://r.example:x"', "https address"),
        ('[registry]\nurl = "https://r.example"\nurll = 1', "unknown setting urll"),
        ('[registry]\nurl = "https://r.example"\noperator_identifier = ""', "a text"),
        ('[registry]\nurl = "https://r.example"\ntoken_file = 3', "path of a file"),
        ('[registry]\nurl = "https://r.example"\nclient_key = "k"', "needs a client_certificate"),
        ('[registry]\nurl = "https://r.example"\nproof_path = "//evil/x"', "one slash"),
        ('[registry]\nurl = "https://r.example"\nproof_path = "/x/{serial}"', "may hold"),
        ('[registry]\nurl = "https://r.example"\nproof_path = "/x y"', "one slash"),
        ('[registry]\nurl = "https://r.example"\nhashed_form = "pdf"', "signed_part"),
        ('[registry]\nurl = "https://r.example"\ntest_environment = 1', "true or false"),
        ('[registry]\nurl = "https://r.example"\ntimeout_s = 0', "from 1 to 300"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path, text, said):
    (tmp_path / "cellpass.toml").write_text(text)
    with pytest.raises(InputRefused, match=said):
        settings.load(tmp_path)


def test_the_registry_is_off_until_it_is_named(tmp_path):
    assert settings.load(tmp_path).registry is None
    (tmp_path / "cellpass.toml").write_text(
        '[registry]\nurl = "https://Registry.example.com/api/"\ntoken_file = "secrets/token"\n'
        'proof_path = "/proofs/{registrationId}?of={uniqueProductIdentifier}"\n'
    )
    found = settings.load(tmp_path).registry
    assert found is not None
    assert (found.url, found.register_path) == ("https://Registry.example.com/api", "/v1/registerDPP")
    assert (found.proof_path, found.lookup_path, found.test_environment) == (
        "/proofs/{registrationId}?of={uniqueProductIdentifier}",
        None,
        False,
    )
    assert found.token_file is not None
    assert found.token_file.is_absolute()
    assert not found.is_here
