"""Tokens go to configured hosts and to Zoho's own, nowhere else."""

import pytest

from syncd.errors import ConfigWrong
from syncd.zoho.regions import REGIONS, custom_region, region


@pytest.mark.parametrize(
    ("name", "accounts", "api"),
    [
        ("us", "https://accounts.zoho.com", "https://www.zohoapis.com"),
        ("eu", "https://accounts.zoho.eu", "https://www.zohoapis.eu"),
        ("in", "https://accounts.zoho.in", "https://www.zohoapis.in"),
        ("au", "https://accounts.zoho.com.au", "https://www.zohoapis.com.au"),
        ("jp", "https://accounts.zoho.jp", "https://www.zohoapis.jp"),
        ("ca", "https://accounts.zohocloud.ca", "https://www.zohoapis.ca"),
        ("cn", "https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn"),
        ("sa", "https://accounts.zoho.sa", "https://www.zohoapis.sa"),
        ("uk", "https://accounts.zoho.uk", "https://www.zohoapis.uk"),
        ("com", "https://accounts.zoho.com", "https://www.zohoapis.com"),
        ("com.au", "https://accounts.zoho.com.au", "https://www.zohoapis.com.au"),
        (" EU ", "https://accounts.zoho.eu", "https://www.zohoapis.eu"),
    ],
)
def test_every_data_centre_has_its_two_hosts(name: str, accounts: str, api: str) -> None:
    found = region(name)
    assert (found.accounts_url, found.api_url) == (accounts, api)


def test_an_unknown_data_centre_names_what_there_is() -> None:
    with pytest.raises(ConfigWrong) as caught:
        region("europe")
    assert caught.value.problems[0].where == "zoho.data_center"
    with pytest.raises(ConfigWrong, match="is not a Zoho data centre"):
        region("")


def test_free_urls_are_https_or_loopback() -> None:
    found = custom_region("HTTPS://accounts.zoho.ae/", "https://www.zohoapis.ae:443")
    assert (found.accounts_url, found.api_url) == ("https://accounts.zoho.ae", "https://www.zohoapis.ae")
    assert not found.is_local
    local = custom_region("http://127.0.0.1:4820", "http://[::1]:4820/")
    assert (local.accounts_url, local.api_url) == ("http://127.0.0.1:4820", "http://[::1]:4820")
    assert local.is_local


@pytest.mark.parametrize(
    "url",
    [
        "http://www.zohoapis.eu",
        "http://127.0.0.1.evil.example",
        "ftp://127.0.0.1",
        "https://user:pw@www.zohoapis.eu",
        "https://www.zohoapis.eu/crm",
        "https://www.zohoapis.eu?x=1",
        "https://www.zohoapis.eu#x",
        "https://",
        "www.zohoapis.eu",
        "https://www.zohoapis.eu:port",
        "https://[::1",
        "https://evil.example\\@www.zohoapis.eu",
        "",
    ],
)
def test_a_url_that_could_leak_a_token_is_refused(url: str) -> None:
    with pytest.raises(ConfigWrong) as caught:
        custom_region(url, url)
    assert [problem.where for problem in caught.value.problems] == ["zoho.accounts_url", "zoho.api_url"]
    assert region("eu").pinned(url) is None


def test_the_api_domain_of_a_token_is_pinned() -> None:
    eu = region("eu")
    assert eu.pinned("https://www.zohoapis.eu/") == "https://www.zohoapis.eu"
    assert eu.pinned("https://sandbox.zohoapis.eu") == "https://sandbox.zohoapis.eu"
    assert eu.pinned("https://developer.zohoapis.com.au") == "https://developer.zohoapis.com.au"
    assert eu.pinned("https://www.zohoapis.eu:8443") is None
    assert eu.pinned("https://evil.example") is None
    assert eu.pinned("https://www.zohoapis.eu.evil.example") is None
    assert eu.pinned("//www.zohoapis.eu") is None
    private = custom_region("https://accounts.proxy.example", "https://zoho.proxy.example")
    assert private.pinned("https://zoho.proxy.example") == "https://zoho.proxy.example"
    assert private.pinned("https://www.zohoapis.eu") == "https://www.zohoapis.eu"


def test_a_simulator_cannot_send_its_client_to_the_real_zoho() -> None:
    local = custom_region("http://127.0.0.1:1", "http://127.0.0.1:1")
    assert local.pinned("http://127.0.0.1:1/") == "http://127.0.0.1:1"
    assert local.pinned("http://127.0.0.1:2") is None
    for real in REGIONS.values():
        assert local.pinned(real.api_url) is None
