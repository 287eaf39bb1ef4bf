"""By which name an address of Pique goes: two of one Pique have one, so that a ledger can belong to it."""

from __future__ import annotations

import pytest

from pique_assets.api.address import pique_at


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://api.getpique.ai", "production"),
        ("https://API.getpique.ai:443/", "production"),
        ("https://api.getpique.ai.", "production"),
        ("https://api-sandbox.getpique.ai", "sandbox"),
        ("http://127.0.0.1:8000", "local"),
        ("http://127.1.2.3:1", "local"),
        ("http://localhost:9", "local"),
        ("http://[::1]:9", "local"),
        ("http://[::ffff:127.0.0.1]:9", "local"),
        ("https://pique.example.org", "pique.example.org"),
        ("https://pique.example.org:8443/", "pique.example.org:8443"),
        ("https://gateway.example.org/pique-a/", "gateway.example.org/pique-a"),
        ("https://api.getpique.ai/other", "api.getpique.ai/other"),
    ],
)
def test_addresses_of_one_pique_have_one_name(address, name):
    assert pique_at(address) == name


@pytest.mark.parametrize("address", ["", "production", "https://", "https://:443"])
def test_what_names_no_host_is_no_address(address):
    with pytest.raises(ValueError, match="no host"):
        pique_at(address)
